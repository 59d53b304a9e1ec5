extern crate std;

use std::vec::Vec;

use super::*;

const SIZE: u64 = 16 * PAGE_SIZE;

fn written(header: Header, ranges: &[Range], wanted: &[Span]) -> Vec<u8> {
    let header = Header {
        ranges: ranges.len() as u64,
        wanted: wanted.len() as u64,
        ..header
    };
    let mut bytes = header.to_bytes().to_vec();
    ranges
        .iter()
        .for_each(|range| bytes.extend(range.to_bytes()));
    wanted.iter().for_each(|span| bytes.extend(span.to_bytes()));
    bytes
}

fn header() -> Header {
    Header {
        mode: Mode::Paged { userfaultfd: 300 },
        size: SIZE,
        sentinel: (7, u64::MAX),
        ranges: 0,
        wanted: 0,
        first_layer: 258,
        layers: 2,
    }
}

fn span(page: u64, pages: u64) -> Span {
    Span {
        offset: page * PAGE_SIZE,
        length: pages * PAGE_SIZE,
    }
}

fn range(page: u64, pages: u64) -> Range {
    Range {
        span: span(page, pages),
        layer_offset: 5 * PAGE_SIZE,
        layer: 1,
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    let (ranges, wanted) = (
        [range(0, 1), range(1, 3), range(15, 1)],
        [span(15, 1), span(0, 1)],
    );
    let bytes = written(header(), &ranges, &wanted);

    let plan = Plan::read(&bytes).unwrap();

    assert_eq!(
        plan.header(),
        Header {
            ranges: 3,
            wanted: 2,
            ..header()
        }
    );
    assert_eq!(plan.ranges().collect::<Vec<_>>(), ranges);
    assert_eq!(plan.wanted().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_memory_of_nothing_but_zeros_needs_no_range() {
    let mapped = Header {
        mode: Mode::Mapped,
        ..header()
    };
    assert_eq!(
        Plan::read(&written(mapped, &[], &[])).unwrap().header(),
        mapped
    );
}

#[test]
fn every_plan_cut_short_or_too_long_is_refused() {
    let mut bytes = written(header(), &[range(0, 1)], &[span(0, 1)]);
    for length in 0..bytes.len() {
        assert!(Plan::read(&bytes[..length]).is_err(), "{length}");
    }
    bytes.push(0);
    assert!(Plan::read(&bytes).is_err());
}

#[test]
fn what_is_not_of_whole_pages_inside_the_memory_is_refused() {
    let shifted = |by: u64| Range {
        span: Span {
            offset: by,
            length: PAGE_SIZE,
        },
        ..range(0, 1)
    };
    let wrong = [
        range(16, 1),
        range(15, 2),
        range(3, 0),
        shifted(1),
        shifted(u64::MAX - PAGE_SIZE + 1),
        Range {
            layer_offset: 8,
            ..range(0, 1)
        },
    ];
    for range in wrong {
        assert!(
            Plan::read(&written(header(), &[range], &[])).is_err(),
            "{range:?}"
        );
        let wanted = written(header(), &[], &[range.span]);
        assert!(
            range.layer_offset == 8 || Plan::read(&wanted).is_err(),
            "{range:?}"
        );
    }
    let overlapping = [range(0, 2), range(1, 2)];
    assert_eq!(
        Plan::read(&written(header(), &overlapping, &[])).unwrap_err(),
        Broken("its ranges are not in order")
    );
}

#[test]
fn counts_that_overflow_are_refused() {
    for (ranges, wanted) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX / 32 + 1, 0)] {
        let bytes = Header {
            ranges,
            wanted,
            ..header()
        }
        .to_bytes();
        assert!(Plan::read(&bytes).is_err());
    }
}

#[test]
fn a_layer_that_is_not_there_is_refused_where_it_would_be_mapped() {
    let beyond = Range {
        layer: 2,
        ..range(0, 1)
    };
    assert!(
        Plan::read(&written(header(), &[beyond], &[])).is_ok(),
        "paged: nobody looks"
    );
    let mapped = Header {
        mode: Mode::Mapped,
        ..header()
    };
    assert!(Plan::read(&written(mapped, &[beyond], &[])).is_err());
    assert!(Plan::read(&written(mapped, &[range(0, 1)], &[])).is_ok());
}
