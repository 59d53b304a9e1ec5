//! File modes in the words of Go's `FileMode`, which E2B's clients show: `-rw-r--r--`, `drwxr-xr-x`, `Lrwxrwxrwx`.

use libc::{
    S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFSOCK, S_ISGID, S_ISUID, S_ISVTX,
};

/// The text for a mode as stat(2) gives it.
pub fn text(mode: u32) -> String {
    let kind = mode & S_IFMT;
    let marks = [
        (kind == S_IFDIR, 'd'),
        (kind == S_IFLNK, 'L'),
        (kind == S_IFBLK || kind == S_IFCHR, 'D'),
        (kind == S_IFIFO, 'p'),
        (kind == S_IFSOCK, 'S'),
        (mode & S_ISUID != 0, 'u'),
        (mode & S_ISGID != 0, 'g'),
        (kind == S_IFCHR, 'c'),
        (mode & S_ISVTX != 0, 't'),
    ];
    let mut text: String = marks
        .iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, mark)| mark)
        .collect();
    if text.is_empty() {
        text.push('-');
    }
    for place in (0..9).rev() {
        let letter = ['x', 'w', 'r'][place % 3];
        text.push(if mode & (1 << place) == 0 {
            '-'
        } else {
            letter
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_gos_do() {
        assert_eq!(text(0o100_644), "-rw-r--r--");
        assert_eq!(text(0o040_755), "drwxr-xr-x");
        assert_eq!(text(0o041_777), "dtrwxrwxrwx");
        assert_eq!(text(0o120_777), "Lrwxrwxrwx");
        assert_eq!(text(0o104_755), "urwxr-xr-x");
        assert_eq!(text(0o020_666), "Dcrw-rw-rw-");
        assert_eq!(text(0o140_000), "S---------");
    }
}
