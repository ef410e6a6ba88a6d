use super::*;
use crate::{
    backup::table::Columns,
    format::{PgText, TableKind},
};

fn table(name: &str, bytes: u64, cut: Cut) -> Table {
    Table {
        oid: 1,
        schema: "app".into(),
        name: name.into(),
        kind: TableKind::Ordinary,
        columns: Columns::new(&[PgText::from("id")]),
        format: RowFormat::Text,
        may_be_binary: true,
        bytes,
        cut,
    }
}

fn segment(rows: u64) -> Vec<Segment> {
    vec![Segment {
        digest: Digest { rows, sum: u128::from(rows) * 7 },
        plain_bytes: rows * 10,
        spans: Vec::new(),
    }]
}

fn pages(first: u32, end: Option<u32>) -> Range {
    Range::Pages { first, end }
}

#[test]
fn the_largest_table_is_handed_out_first_and_its_last_range_is_open() {
    let small = table("small", 10, Cut::Whole);
    let large = table("large", 900, Cut::Pages { blocks: 10, each: 4 });
    let (mut work, finished) = Work::new(vec![vec![table("empty", 0, Cut::Empty), small, large]]);
    assert_eq!(finished.len(), 1);
    assert_eq!((finished[0].table.id, finished[0].table.rows(), finished[0].table.segments), (1, 0, 0));
    let jobs: Vec<(usize, u32, Range)> =
        std::iter::from_fn(|| work.next()).map(|job| (job.table, job.number, job.range)).collect();
    assert_eq!(
        jobs,
        [(2, 0, pages(0, Some(4))), (2, 1, pages(4, Some(8))), (2, 2, pages(8, None)), (1, 0, Range::All)]
    );
    assert!(!work.is_done());
}

#[test]
fn ranges_of_pages_cover_a_table_without_gap_or_overlap() {
    for blocks in 1..40 {
        for each in 1..45 {
            let mut next = 0;
            for number in 0.. {
                let (range, is_last) = range(&Cut::Pages { blocks, each }, number).unwrap();
                let Range::Pages { first, end } = range else { panic!("{range:?}") };
                assert_eq!(first, next);
                assert_eq!(end.is_none(), is_last);
                match end {
                    Some(end) => next = end,
                    None => break,
                }
            }
            assert!(next < blocks);
        }
    }
    let (range, is_last) =
        range(&Cut::Pages { blocks: u32::MAX, each: 4_096 }, (u32::MAX - 1) / 4_096).unwrap();
    assert_eq!((range, is_last), (pages(u32::MAX - 4_095, None), true), "the largest table there can be");
}

#[test]
fn a_table_is_finished_with_its_last_segment_and_adds_up() {
    let (mut work, _) = Work::new(vec![vec![table("t", 1, Cut::Pages { blocks: 3, each: 1 })]]);
    let jobs: Vec<Job> = std::iter::from_fn(|| work.next()).collect();
    assert_eq!(work.done(jobs[2], segment(3)), None);
    assert_eq!(work.done(jobs[0], segment(1)), None);
    let finished = work.done(jobs[1], segment(2)).unwrap();
    assert!(work.is_done());
    assert_eq!(finished.segments.iter().map(|segment| segment.number).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((finished.table.rows(), finished.table.plain_bytes, finished.table.segments), (6, 60, 3));
    assert_eq!(finished.table.digests[0].sum.0, 42);
}

#[test]
fn a_job_that_came_in_pieces_counts_as_many_segments() {
    let (mut work, _) = Work::new(vec![vec![table("t", 1, Cut::Pages { blocks: 2, each: 1 })]]);
    let (first, second) = (work.next().unwrap(), work.next().unwrap());
    assert_eq!(work.done(second, segment(4)), None);
    let finished = work.done(first, [segment(1), segment(2)].concat()).unwrap();
    let rows: Vec<(u32, u64)> =
        finished.segments.iter().map(|segment| (segment.number, segment.rows)).collect();
    assert_eq!(rows, [(0, 1), (1, 2), (2, 4)]);
    assert_eq!((finished.table.rows(), finished.table.segments), (7, 3));
}

#[test]
fn a_segment_that_failed_is_handed_out_again_to_whoever_asks() {
    let (mut work, _) = Work::new(vec![vec![table("t", 1, Cut::Whole)]]);
    let job = work.next().unwrap();
    assert_eq!(work.next(), None);
    work.again(job);
    assert_eq!(work.next(), Some(job));
    assert!(work.done(job, segment(5)).is_some());
}

#[test]
fn a_row_too_large_for_text_is_read_in_binary_once_and_counted_apart() {
    let (mut work, _) = Work::new(vec![vec![table("t", 1, Cut::Pages { blocks: 2, each: 1 })]]);
    let (first, second) = (work.next().unwrap(), work.next().unwrap());
    assert!(work.again_in_binary(first));
    let binary = work.next().unwrap();
    assert_eq!((binary.number, binary.format), (0, RowFormat::Binary));
    assert!(!work.again_in_binary(binary));
    work.done(second, segment(2));
    let finished = work.done(binary, segment(1)).unwrap();
    let digests = finished.table.digests;
    assert_eq!(
        digests.iter().map(|d| (d.format, d.rows)).collect::<Vec<_>>(),
        [(RowFormat::Text, 2), (RowFormat::Binary, 1)]
    );
}

#[test]
fn a_table_that_cannot_be_planned_is_read_as_a_whole_and_its_pieces_are_dropped() {
    let (mut work, _) = Work::new(vec![vec![table("t", 1, Cut::Pages { blocks: 4, each: 1 })]]);
    let jobs: Vec<Job> = (0..3).map(|_| work.next().unwrap()).collect();
    work.done(jobs[0], segment(7));
    work.refused(jobs[1]);
    let refused = work.next_for_leader().unwrap();
    let (whole, dropped) = work.as_a_whole(refused).unwrap();
    assert_eq!((whole.range, whole.number, dropped), (Range::All, 0, 70));
    assert_eq!(work.next(), None, "what was not handed out yet is part of the whole");
    assert_eq!(work.done(jobs[2], segment(9)), None, "a piece that comes late is dropped");
    work.again(jobs[1]);
    work.refused(jobs[1]);
    assert_eq!((work.next(), work.next_for_leader()), (None, None));
    assert_eq!(work.as_a_whole(jobs[1]), None);
    let finished = work.done(whole, segment(20)).unwrap();
    assert_eq!((finished.table.rows(), finished.segments.len()), (20, 1));
    assert!(work.is_done());
}

#[test]
fn small_tables_go_database_by_database_and_each_manifest_counts_its_own() {
    let whole = |bytes| table("t", bytes, Cut::Whole);
    let first = vec![whole(10), whole(5 << 20), whole(30)];
    let second = vec![whole(900 << 20), whole(20)];
    let (mut work, _) = Work::new(vec![first, second]);
    let jobs: Vec<Job> = std::iter::from_fn(|| work.next()).collect();
    let order: Vec<(usize, usize)> = jobs.iter().map(|job| (work.database(job.table), job.table)).collect();
    assert_eq!(order, [(1, 3), (0, 1), (0, 2), (0, 0), (1, 4)]);
    let finished: Vec<Finished> = jobs.into_iter().filter_map(|job| work.done(job, segment(1))).collect();
    let ids: Vec<(usize, u32, u32)> = finished
        .iter()
        .map(|finished| (finished.database, finished.table.id, finished.segments[0].table))
        .collect();
    assert_eq!(ids, [(1, 1, 1), (0, 2, 2), (0, 3, 3), (0, 1, 1), (1, 2, 2)]);
    assert!(work.is_done());
}
