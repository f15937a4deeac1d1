//! What the rewriter knows of the RDD vocabulary: which operators take functions, and which methods leave RDD land.

use crate::scope::Shape;

/// What a call of an operator gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gives {
    /// Another RDD: a transformation.
    Rdd,
    /// A value of the driver: an action.
    Value,
}

/// An RDD operator that takes functions.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// The method's name.
    pub name: &'static str,
    /// The positions of its arguments that are functions.
    pub functions: &'static [usize],
    /// What it gives.
    pub gives: Gives,
}

const fn to_rdd(name: &'static str, functions: &'static [usize]) -> Operator {
    Operator { name, functions, gives: Gives::Rdd }
}

const fn to_value(name: &'static str, functions: &'static [usize]) -> Operator {
    Operator { name, functions, gives: Gives::Value }
}

/// Every operator that takes functions; a new one is one line here. `with_env(..)` of the engine offers the same.
pub const OPERATORS: &[Operator] = &[
    to_rdd("aggregate_by_key", &[1, 2]),
    to_rdd("combine_by_key", &[0, 1, 2]),
    to_rdd("filter", &[0]),
    to_rdd("filter_map", &[0]),
    to_rdd("filter_str", &[0]),
    to_rdd("filter_values", &[0]),
    to_rdd("flat_map", &[0]),
    to_rdd("flat_map_str", &[0]),
    to_rdd("flat_map_values", &[0]),
    to_rdd("flat_map_with", &[0]),
    to_rdd("fold_by_key", &[1]),
    to_rdd("group_by", &[0]),
    to_rdd("inspect", &[0]),
    to_rdd("join_with", &[1]),
    to_rdd("key_by", &[0]),
    to_rdd("map", &[0]),
    to_rdd("map_partitions", &[0]),
    to_rdd("map_partitions_with_index", &[0]),
    to_rdd("map_str", &[0]),
    to_rdd("map_values", &[0]),
    to_rdd("reduce_by_key", &[0]),
    to_rdd("sort_by", &[0]),
    to_rdd("top_by_key_by", &[1]),
    to_rdd("zip_partitions", &[1]),
    to_value("aggregate", &[1, 2]),
    to_value("fold", &[1]),
    to_value("foreach", &[0]),
    to_value("foreach_partition", &[0]),
    to_value("max_by", &[0]),
    to_value("min_by", &[0]),
    to_value("reduce", &[0]),
    to_value("reduce_by_key_to_driver", &[0]),
    to_value("top_by", &[1]),
];

/// Methods without functions whose result is no RDD. Any other method on an RDD is taken to give one, so that an
/// operator this table does not know (`.sample(..)`, `.join(..)`) does not end the chain.
const LEAVE: &[&str] = &[
    "adcount",
    "collect",
    "collect_as_map",
    "count",
    "count_by_key",
    "count_by_value",
    "first",
    "histogram",
    "histogram_with",
    "hot",
    "id",
    "is_empty",
    "lookup",
    "max",
    "mean",
    "min",
    "num_partitions",
    "partitioner",
    "percentiles",
    "quantiles",
    "stats",
    "stdev",
    "storage_level",
    "sum",
    "take",
    "take_ordered",
    "take_sample",
    "take_sample_with_replacement",
    "to_local_iter",
    "top",
    "variance",
];

/// Methods that run a job, so that they may fail, and give an RDD.
const RESULTS: &[&str] = &["broadcast_join", "broadcast_left_outer_join", "checkpoint", "inner_join"];

/// The operator of that name.
pub(crate) fn operator(name: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.name == name)
}

/// What `receiver.name(..)` gives.
pub(crate) fn method(receiver: Shape, name: &str) -> Shape {
    match receiver {
        Shape::Rdd | Shape::WithEnv if operator(name).is_some_and(|found| found.gives == Gives::Value) => Shape::Value,
        Shape::Rdd if name == "context" => Shape::Context,
        Shape::Rdd if name == "with_env" => Shape::WithEnv,
        Shape::Rdd if name == "count_approx_distinct_by_key" => Shape::Rdd,
        Shape::Rdd if RESULTS.contains(&name) => Shape::RddResult,
        Shape::Rdd if LEAVE.contains(&name) || name.starts_with("save_as_") || name.starts_with("count_") => {
            Shape::Value
        }
        Shape::Rdd if name == "random_split" => Shape::List,
        Shape::Rdd => Shape::Rdd,
        Shape::WithEnv => Shape::Rdd,
        Shape::RddResult if matches!(name, "unwrap" | "expect" | "unwrap_or" | "unwrap_or_else") => Shape::Rdd,
        Shape::RddResult if matches!(name, "clone" | "as_ref" | "cloned") => receiver,
        Shape::Context if is_source(name) => Shape::Rdd,
        Shape::Context if name.ends_with("accumulator") || name == "accumulator_with" => Shape::Accumulator,
        Shape::Context if name == "broadcast" => Shape::Broadcast,
        Shape::Context if name == "read_checkpoint" => Shape::RddResult,
        Shape::Context if matches!(name, "clone" | "to_owned" | "unwrap" | "expect" | "build" | "as_ref") => receiver,
        Shape::Owner(_) if matches!(name, "clone" | "to_owned" | "as_ref" | "borrow") => receiver,
        Shape::Context if name.starts_with("with_") || name.starts_with("set_") => receiver,
        Shape::Accumulator | Shape::Broadcast | Shape::List
            if matches!(name, "clone" | "to_owned" | "unwrap" | "expect" | "as_ref") =>
        {
            receiver
        }
        Shape::List if matches!(name, "remove" | "swap_remove") => Shape::Rdd,
        Shape::List if matches!(name, "first" | "last" | "get" | "pop" | "next" | "nth") => Shape::RddResult,
        Shape::List
            if matches!(name, "iter" | "into_iter" | "rev" | "skip" | "take" | "filter" | "cloned" | "collect") =>
        {
            Shape::List
        }
        _ => Shape::Value,
    }
}

/// Whether the closure with one parameter that `receiver.name(|x| ..)` takes is given an RDD.
pub(crate) fn gives_rdd(receiver: Shape, name: &str) -> bool {
    match receiver {
        Shape::List => matches!(
            name,
            "map" | "for_each" | "filter" | "filter_map" | "flat_map" | "all" | "any" | "position" | "try_for_each"
        ),
        Shape::RddResult => matches!(name, "map" | "and_then" | "inspect" | "is_some_and" | "is_ok_and"),
        _ => false,
    }
}

/// Whether a method of the context of that name makes an RDD.
fn is_source(name: &str) -> bool {
    let name = name.strip_suffix("_with").unwrap_or(name);
    matches!(name, "range" | "union" | "empty" | "empty_rdd" | "make_rdd" | "zip" | "parallelize")
        || matches!(name, "from_source" | "json_lines" | "tf_records")
        || name.starts_with("parallelize_")
        || name.starts_with("range_")
        || name.ends_with("_file")
        || name.ends_with("_files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_no_operator_is_listed_as_leaving() {
        for (index, operator) in OPERATORS.iter().enumerate() {
            assert!(OPERATORS[..index].iter().all(|other| other.name != operator.name), "{}", operator.name);
            assert!(!LEAVE.contains(&operator.name), "{}", operator.name);
        }
    }

    #[test]
    fn chains_stay_rdds_until_an_action() {
        assert_eq!(method(Shape::Context, "text_file"), Shape::Rdd);
        for source in ["text_file_with", "csv_file", "json_lines_with", "tf_records", "from_source"] {
            assert_eq!(method(Shape::Context, source), Shape::Rdd, "{source}");
        }
        assert_eq!(method(Shape::Rdd, "save_as_csv_with"), Shape::Value);
        assert_eq!(method(Shape::Rdd, "some_new_operator"), Shape::Rdd);
        assert_eq!(method(Shape::Rdd, "collect"), Shape::Value);
        assert_eq!(method(Shape::Rdd, "count_approx_distinct"), Shape::Value);
        assert_eq!(method(Shape::Rdd, "count_approx_distinct_by_key"), Shape::Rdd);
        assert_eq!(method(Shape::WithEnv, "reduce"), Shape::Value);
        assert_eq!(method(Shape::Context, "conf"), Shape::Value);
        assert_eq!(method(Shape::Rdd, "context"), Shape::Context);
        assert_eq!(method(Shape::Rdd, "broadcast_join"), Shape::RddResult);
        assert_eq!(method(Shape::RddResult, "unwrap"), Shape::Rdd);
    }
}
