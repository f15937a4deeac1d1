//! What cannot be written for an executor, or cannot be read there.

use crate::support::context;
use crate::tests;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

tests!(a_zero_value_that_cannot_be_written_fails_its_job_only, a_capture_that_could_not_be_read_is_sent_again,);

/// A row that panics when it is written.
#[derive(Clone, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("this is not to be written down")
    }
}

fn a_zero_value_that_cannot_be_written_fails_its_job_only() {
    let ctx = context("process[1]");
    let problem = ctx.range(0, 4).map(|_| Unwritable).fold(Unwritable, |a, _| a).err().unwrap().to_string();
    assert!(problem.contains("this is not to be written down"), "{problem}");
    assert_eq!(ctx.range(0, 4).fold(0, |a, b| a + b).unwrap(), 6, "others go on");
}

/// A captured value that panics when it is read elsewhere than in the driver, unless there is a file at the path.
#[derive(Clone, Serialize)]
struct Guarded {
    key: PathBuf,
    driver: u32,
}

impl<'de> Deserialize<'de> for Guarded {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Guarded, D::Error> {
        let (key, driver): (PathBuf, u32) = Deserialize::deserialize(deserializer)?;
        assert!(key.exists() || driver == std::process::id(), "there is no key yet");
        Ok(Guarded { key, driver })
    }
}

fn a_capture_that_could_not_be_read_is_sent_again() {
    let ctx = context("process[1]");
    let directory = tempfile::tempdir().unwrap();
    let guarded = Guarded { key: directory.path().join("key"), driver: std::process::id() };
    let key = guarded.key.clone();
    let even = ctx.range(0, 4).with_env((&guarded,)).filter(|(guarded,)| move |x| guarded.driver > 0 && x % 2 == 0);
    let rows = even.map(|x| x + 1);
    for round in 0..2 {
        let problem = rows.count().unwrap_err().to_string();
        assert!(problem.contains("there is no key yet"), "round {round}: {problem}");
    }
    let of_it = rows.map(|x| x * 2);
    let problem = of_it.count().unwrap_err().to_string();
    assert!(problem.contains("there is no key yet"), "another job over it: {problem}");
    std::fs::write(key, "").unwrap();
    assert_eq!(of_it.collect().unwrap(), [2, 6]);
    assert_eq!(rows.collect().unwrap(), [1, 3]);
}
