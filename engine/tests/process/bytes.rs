//! How often the bytes of a shuffle are written and read.

#[path = "../../benches/processes/bytes.rs"]
mod moved;

use crate::{run_again, tests};
use moved::{Bytes, Moved, shuffle};

tests!(each_byte_of_a_shuffle_is_written_and_read_once, each_byte_of_remote_blocks_is_read_once);

/// Shuffles 32 MB. Of the files a fiftieth may be read and written besides: indices by each executor, messages, what the system
/// tells of memory.
fn check() {
    let Moved { data, indices, by_tasks, by_executors: Bytes { written, read } } = shuffle(2_000_000).unwrap();
    let files = data + indices;
    assert!(data >= 32_000_000, "{data}");
    assert_eq!((by_tasks.written, by_tasks.read), (files, data));
    let once = files..files + files / 50;
    assert!(once.contains(&written), "{written} written of {files}");
    assert!(once.contains(&read), "{read} read of {files}");
}

fn each_byte_of_a_shuffle_is_written_and_read_once() {
    check();
}

fn each_byte_of_remote_blocks_is_read_once() {
    const LOCAL_READS: &str = "DPARK_LOCAL_READS";
    if std::env::var_os(LOCAL_READS).is_some_and(|value| value == "0") {
        return check();
    }
    run_again(&[], "each_byte_of_remote_blocks_is_read_once", &[(LOCAL_READS, "0")]);
}
