//! How often the bytes of a shuffle are written and read.

#[path = "../../benches/processes/bytes.rs"]
mod moved;

use crate::{run_again, tests};
use moved::{Bytes, Moved, shuffle};

tests!(each_byte_of_a_shuffle_is_written_and_read_once, over_http_each_byte_passes_server_and_reader_once);

const PAIRS: i64 = 2_000_000;

/// Whether `bytes` are so many times as many as `of`, and a fiftieth for messages and whatever else a process reads.
fn are_times(bytes: u64, times: u64, of: u64) -> bool {
    (times * of..times * of + of / 50).contains(&bytes)
}

fn each_byte_of_a_shuffle_is_written_and_read_once() {
    let Moved { data, indices, by_tasks, by_executors } = shuffle(PAIRS).unwrap();
    assert_eq!(by_tasks.written, data);
    assert_eq!(by_tasks.read, data);
    let (Bytes { written, read }, files) = (by_executors, data + indices);
    assert!(data > 10 << 20 && are_times(written, 1, files), "{written} of {files}");
    assert!(are_times(read, 1, files), "{read} of {files}");
}

fn over_http_each_byte_passes_server_and_reader_once() {
    const LOCAL_READS: &str = "DPARK_LOCAL_READS";
    if std::env::var_os(LOCAL_READS).is_none_or(|value| value != "0") {
        return run_again(&[], "over_http_each_byte_passes_server_and_reader_once", &[(LOCAL_READS, "0")]);
    }
    let Moved { data, indices, by_executors: Bytes { written, read }, .. } = shuffle(PAIRS).unwrap();
    let files = data + indices;
    assert!(are_times(written, 2, files), "to the disk and to a socket: {written} of {files}");
    assert!(are_times(read, 2, files), "from the disk and from a socket: {read} of {files}");
}
