//! Kernel modules of the initramfs: `/modules/*.ko`, loaded in the order of their names.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::system::finit_module;

use super::failure::{Failure, Step};

/// Loads every module in `folder`. A module that is built in or loaded already is no failure, nor is a missing folder:
/// a kernel with everything built in needs none.
pub fn load(folder: &Path) -> Result<(), Failure> {
    for path in in_order(folder)? {
        let file = File::open(&path).step(format!("open {}", path.display()))?;
        match finit_module(&file, c"", 0) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).step(format!("load {}", path.display())),
        }
    }
    Ok(())
}

fn in_order(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.step(format!("read {}", folder.display()))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.step(format!("read {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "ko") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_in_the_order_of_their_names_and_other_files_are_left_alone() {
        let folder = std::env::temp_dir().join(format!("envd-modules-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        for name in ["10-b.ko", "02-a.ko", "README", "01-z.ko"] {
            File::create(folder.join(name)).unwrap();
        }
        let names: Vec<_> = in_order(&folder)
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["01-z.ko", "02-a.ko", "10-b.ko"]);
    }

    #[test]
    fn a_kernel_that_needs_no_modules_boots_without_the_folder() {
        assert!(in_order(Path::new("/no/such/folder")).unwrap().is_empty());
    }
}
