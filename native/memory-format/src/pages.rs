//! Zero pages among others.

use std::ops::Range;

use crate::PAGE_SIZE;

const PAGE: usize = PAGE_SIZE as usize;

/// Whether there is nothing but zeros.
pub fn is_zero(bytes: &[u8]) -> bool {
    // In pieces: a loop that may end at every byte would look at them one by one.
    let (pieces, rest) = bytes.as_chunks::<64>();
    pieces
        .iter()
        .all(|piece| piece.iter().fold(0, |all, byte| all | byte) == 0)
        && rest.iter().all(|&byte| byte == 0)
}

/// Splits whole pages into the longest runs that are all zero, or of which no page is, and says
/// which they are.
pub fn runs(pages: &[u8]) -> impl Iterator<Item = (Range<usize>, bool)> + '_ {
    let mut start = 0;
    let mut next_is_zero = pages.get(..PAGE).map(is_zero);
    std::iter::from_fn(move || {
        let zero = next_is_zero?;
        let mut end = start + PAGE;
        loop {
            next_is_zero = pages.get(end..end + PAGE).map(is_zero);
            if next_is_zero != Some(zero) {
                break;
            }
            end += PAGE;
        }
        let run = start..end;
        start = end;
        Some((run, zero))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_anywhere_in_a_page_is_seen() {
        let mut page = vec![0; PAGE];
        assert!(is_zero(&page));
        for at in 0..PAGE {
            page[at] = 1;
            assert!(!is_zero(&page), "at {at}");
            page[at] = 0;
        }
    }

    #[test]
    fn runs_are_the_longest_of_their_kind_and_cover_all() {
        let mut pages = vec![0; 7 * PAGE];
        for page in [1, 2, 5, 6] {
            pages[page * PAGE + page] = 1;
        }
        let found: Vec<_> = runs(&pages)
            .map(|(run, zero)| (run.start / PAGE..run.end / PAGE, zero))
            .collect();
        assert_eq!(
            found,
            [(0..1, true), (1..3, false), (3..5, true), (5..7, false)]
        );
        assert_eq!(runs(&[]).count(), 0);
    }
}
