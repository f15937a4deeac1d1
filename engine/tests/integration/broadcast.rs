//! Broadcasts: shared, counted, freed.

use dpark::{Broadcast, Conf, DparkContext};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn closures_share_the_value_and_its_memory_is_counted() {
    let ctx = DparkContext::local(2);
    let table: HashMap<i64, String> = (0..10_000).map(|x| (x, format!("name {x}"))).collect();
    let names = ctx.broadcast(table);
    let held = ctx.held().2;
    assert!((200_000..400_000).contains(&held), "{held} bytes");
    let address = std::ptr::from_ref(names.value()).addr();
    let rdd = ctx.range(0, 20_000).with_env((&names, &address)).flat_map(|(names, address)| {
        move |x| {
            assert_eq!(std::ptr::from_ref(&*names).addr(), address, "no copy");
            names.get(&x).map(|name| (x, name.len()))
        }
    });
    assert_eq!(rdd.count().unwrap(), 10_000);
    assert_eq!(ctx.held().2, held);
    drop(names);
    assert_eq!(rdd.map(|row| row.1).max().unwrap(), 9, "the closure of the RDD holds it");
    assert_eq!(ctx.held().2, held);
    drop(rdd);
    assert_eq!(ctx.held(), (0, 0, 0));
}

/// How many values of it are alive.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(from = "i64")]
struct Counted {
    x: i64,
}

impl From<i64> for Counted {
    fn from(x: i64) -> Counted {
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Counted { x }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn one_value_exists_and_is_dropped_with_the_last_handle() {
    let ctx = DparkContext::local(2);
    let value = ctx.broadcast(Counted::from(5));
    let seen = ctx.accumulator(0u64);
    let same: Broadcast<Counted> = value.clone();
    // Closures with accumulators are built anew for each task.
    let rdd = ctx.range(0, 10).with_env((&seen, &value, &same)).map(|(seen, value, same)| {
        move |x| {
            seen.add(1);
            x + value.x + same.value().x
        }
    });
    assert_eq!((rdd.sum().unwrap(), seen.value(), ALIVE.load(Ordering::SeqCst)), (145, 10, 1));
    drop((value, same));
    assert_eq!(ALIVE.load(Ordering::SeqCst), 1);
    assert_eq!(rdd.sum().unwrap(), 145);
    drop(rdd);
    assert_eq!((ALIVE.load(Ordering::SeqCst), ctx.held()), (0, (0, 0, 0)));
}

#[test]
fn cached_blocks_give_way_and_too_large_a_value_fails_the_jobs_that_need_memory() {
    let conf = Conf { master: "local[2]".into(), memory: 1 << 20, ..Conf::default() };
    let ctx = DparkContext::new(conf).unwrap();
    let cached = ctx.range(0, 100_000).cache();
    cached.count().unwrap();
    assert_eq!(ctx.held().0, 2);
    let table = ctx.broadcast(vec![1u64; 60_000]);
    assert!(ctx.held().0 < 2, "a block went");
    let larger = ctx.broadcast(vec![1u64; 200_000]);
    assert!(ctx.held().2 > 1 << 20, "it is there, so it counts");
    let error = ctx.range(0, 100).collect().unwrap_err().to_string();
    assert!(error.contains("the memory budget of 1 MB does not suffice"), "{error}");
    assert_eq!((table.len(), larger.len(), cached.count().unwrap()), (60_000, 200_000, 100_000));
    drop((table, larger, cached));
    assert_eq!(ctx.held(), (0, 0, 0));
    assert_eq!(ctx.range(0, 100).collect().unwrap().len(), 100);
}

#[test]
fn a_value_that_cannot_be_serialised_is_refused_where_it_is_made() {
    struct Stubborn(#[expect(dead_code, reason = "so that it has something to drop")] Box<i64>);
    impl serde::Serialize for Stubborn {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it does not want to"))
        }
    }
    impl<'de> serde::Deserialize<'de> for Stubborn {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Stubborn, D::Error> {
            Ok(Stubborn(Box::default()))
        }
    }
    let ctx = DparkContext::local(1);
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ctx.broadcast(Stubborn(Box::new(1)))));
    let message = refused.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*message, "the value of a broadcast cannot be serialised: it does not want to");
    assert_eq!(ctx.held(), (0, 0, 0));
}

#[test]
fn any_thread_may_hold_one() {
    let ctx = DparkContext::local(2);
    let unit = ctx.broadcast(());
    let text = ctx.broadcast(String::from("text"));
    let shared = Arc::new(text.clone());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(shared.as_str(), "text"));
        }
    });
    assert_eq!((*unit, format!("{text:?}")), ((), "Broadcast of String, about 36 bytes".to_owned()));
}
