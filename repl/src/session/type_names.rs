//! `std::any::type_name` as code.
//!
//! A script needs no completion, so it does not wait for type inference: the name that the child reports for a
//! variable's type serves to load it, once its private paths are replaced by public ones. Where that does not do,
//! compiling the next cell says so, and evcxr is asked after all.

/// Paths under which the types of the standard library and the engine are known to the compiler, and the public ones.
const PUBLIC: &[(&str, &str)] = &[
    ("alloc::collections::btree::map::BTreeMap", "std::collections::BTreeMap"),
    ("alloc::collections::btree::set::BTreeSet", "std::collections::BTreeSet"),
    ("compact_str::CompactString", "dpark::CompactString"),
    ("core::net::ip_addr::", "std::net::"),
    ("core::net::socket_addr::", "std::net::"),
    ("core::num::nonzero::", "std::num::"),
    ("core::ops::function::", "std::ops::"),
    ("core::ops::range::", "std::ops::"),
    ("core::sync::atomic::", "std::sync::atomic::"),
    ("dpark::broadcast::", "dpark::"),
    ("dpark::conf::", "dpark::"),
    ("dpark::context::", "dpark::"),
    ("dpark::partitioner::", "dpark::"),
    ("dpark::rdd::to_local_iter::", "dpark::"),
    ("dpark::rdd::with_env::", "dpark::rdd::"),
    ("dpark::stats::histogram::", "dpark::stats::"),
    ("dpark::stats::hyper_log_log::", "dpark::stats::"),
    ("dpark::stats::summary::", "dpark::"),
    ("dpark::stats::t_digest::", "dpark::stats::"),
    ("dpark::storage::level::", "dpark::"),
    ("std::collections::hash::map::", "std::collections::hash_map::"),
    ("std::collections::hash::set::", "std::collections::hash_set::"),
    ("std::io::error::", "std::io::"),
    ("std::sync::poison::mutex::", "std::sync::"),
    ("std::sync::poison::rwlock::", "std::sync::"),
    ("alloc::", "std::"),
    ("core::", "std::"),
];

/// The type as cells can write it.
pub(super) fn as_code(type_name: &str) -> String {
    let mut code = String::with_capacity(type_name.len());
    let mut rest = type_name;
    let mut inside_path = false;
    while let Some(first) = rest.chars().next() {
        if !inside_path && let Some((private, public)) = PUBLIC.iter().find(|(private, _)| rest.starts_with(private)) {
            code.push_str(public);
            rest = &rest[private.len()..];
            inside_path = true;
        } else if !inside_path && let Some(path) = rest.strip_prefix("ctx::") {
            rest = without_levels(path);
        } else {
            inside_path = first.is_alphanumeric() || first == '_' || first == ':';
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// The type without paths, for people.
pub(super) fn short(code: &str) -> String {
    let mut short = String::with_capacity(code.len());
    let mut word = 0;
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            short.truncate(word);
            rest = after;
            continue;
        }
        if !(first.is_alphanumeric() || first == '_') {
            word = short.len() + first.len_utf8();
        }
        short.push(first);
        rest = &rest[first.len_utf8()..];
    }
    short
}

/// A type of the session's own stands in the root of every cell, whatever level it has.
fn without_levels(path: &str) -> &str {
    let mut rest = path;
    while let Some((module, after)) = rest.split_once("::") {
        let digits = module.strip_prefix('v').unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::{as_code, short};

    #[test]
    fn people_see_no_paths() {
        assert_eq!(short("std::vec::Vec<(std::string::String, ::dpark::Rdd<i64>)>"), "Vec<(String, Rdd<i64>)>");
        assert_eq!(short("&str"), "&str");
    }

    /// These compile here, so the public paths exist; the engine may move what is behind them.
    #[test]
    fn types_of_the_engine() {
        macro_rules! check {
            ($($ty:ty),* $(,)?) => { $(
                let code = as_code(std::any::type_name::<$ty>());
                assert_eq!(code, stringify!($ty));
            )* };
        }
        check!(
            dpark::Broadcast<i64>,
            dpark::CompactString,
            dpark::Conf,
            dpark::DparkContext,
            dpark::LocalIter<i64>,
            dpark::Partitioner,
            dpark::Stats,
            dpark::StorageLevel,
            dpark::accumulator::Accumulator<i64>,
            dpark::error::Error,
            dpark::ids::RddId,
            dpark::rdd::Rdd<i64>,
            dpark::stats::Histogram,
            dpark::stats::HyperLogLog,
            dpark::stats::TDigest,
            std::collections::hash_map::HashMap<i64, u64>,
        );
    }

    #[test]
    fn private_paths_become_public() {
        assert_eq!(
            as_code("alloc::vec::Vec<(alloc::string::String, i64)>"),
            "std::vec::Vec<(std::string::String, i64)>"
        );
        assert_eq!(
            as_code("std::collections::hash::map::HashMap<ctx::v1::v3::Point, core::option::Option<ctx::Shape>>"),
            "std::collections::hash_map::HashMap<Point, std::option::Option<Shape>>"
        );
        assert_eq!(as_code("dpark::rdd::Rdd<my_alloc::Thing>"), "dpark::rdd::Rdd<my_alloc::Thing>");
        assert_eq!(
            as_code("alloc::boxed::Box<dyn core::ops::function::Fn(i32) -> i32>"),
            "std::boxed::Box<dyn std::ops::Fn(i32) -> i32>"
        );
        assert_eq!(as_code("ctx::shapes::Circle"), "shapes::Circle");
    }
}
