//! Finds out at compile time how the value of a cell's last expression is shown, by autoref specialisation: the
//! generated code calls `(&&&&&&Probe(value)).show()` and method resolution takes the first of the traits below that
//! fits, so one compilation is enough and types that have no display at all still compile.

use super::{Shown, rows, text};
use crate::cell::Exit;
use crate::{Accumulator, DisplayId, DparkContext, MimeBundle, Rdd, Stats};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

/// The value whose display is looked for.
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// The value of an expression that may be a `Result`. Only borrowed: showing a variable does not move it.
pub struct Value<'a, T: ?Sized>(pub &'a T);

/// Opens a `Result`: an `Err` fails the cell.
pub trait OpenResult {
    /// The value inside.
    type Inside;
    /// The value, or why the cell ends here.
    fn open(&self) -> Result<Self::Inside, Exit>;
}

impl<'a, T, E: Debug + 'static> OpenResult for &Value<'a, Result<T, E>> {
    type Inside = &'a T;
    fn open(&self) -> Result<&'a T, Exit> {
        self.0.as_ref().map_err(Exit::of)
    }
}

/// Opens any other value: it is what it is.
pub trait OpenAny {
    /// The value.
    type Inside;
    /// The value.
    fn open(&self) -> Result<Self::Inside, Exit>;
}

impl<'a, T: ?Sized> OpenAny for Value<'a, T> {
    type Inside = &'a T;
    fn open(&self) -> Result<&'a T, Exit> {
        Ok(self.0)
    }
}

/// `()`: nothing to show.
pub trait ShowUnit {
    /// Nothing.
    fn show(&self) -> Option<Shown>;
}

impl ShowUnit for &&&&&Probe<'_, ()> {
    fn show(&self) -> Option<Shown> {
        None
    }
}

/// What `display` returns: it has been shown already.
impl ShowUnit for &&&&&Probe<'_, DisplayId> {
    fn show(&self) -> Option<Shown> {
        None
    }
}

/// RDDs, the context and other things of the engine's: cards.
pub trait ShowCard {
    /// The card.
    fn show(&self) -> Option<Shown>;
}

impl<T> ShowCard for &&&&Probe<'_, Rdd<T>> {
    fn show(&self) -> Option<Shown> {
        crate::cell::hold(self.0);
        Some(Shown::Rdd(self.0.id()))
    }
}

impl ShowCard for &&&&Probe<'_, DparkContext> {
    fn show(&self) -> Option<Shown> {
        Some(Shown::Context(self.0.card()))
    }
}

impl ShowCard for &&&&Probe<'_, MimeBundle> {
    fn show(&self) -> Option<Shown> {
        Some(Shown::Bundle(self.0.clone()))
    }
}

impl<T: Clone + Debug + Send + Sync + 'static> ShowCard for &&&&Probe<'_, Accumulator<T>> {
    fn show(&self) -> Option<Shown> {
        Some(text::debug(&format_args!("accumulator: {:?}", self.0.value())))
    }
}

impl ShowCard for &&&&Probe<'_, Stats> {
    fn show(&self) -> Option<Shown> {
        Some(summary(self.0))
    }
}

#[inline(never)]
fn summary(stats: &Stats) -> Shown {
    #[derive(Serialize)]
    struct Summary {
        count: u64,
        mean: f64,
        stdev: f64,
        min: f64,
        max: f64,
        sum: f64,
    }
    rows::record(&Summary {
        count: stats.count(),
        mean: stats.mean(),
        stdev: stats.stdev(),
        min: stats.min(),
        max: stats.max(),
        sum: stats.sum(),
    })
}

/// Collections of serialisable rows: a table, or a list.
pub trait ShowRows {
    /// The rows.
    fn show(&self) -> Option<Shown>;
}

impl<T: Serialize> ShowRows for &&&Probe<'_, Vec<T>> {
    fn show(&self) -> Option<Shown> {
        Some(rows::show(self.0.len(), '[', ']', &mut self.0.iter(), |row, sink| row.serialize(sink)))
    }
}

/// A row of a map's table.
#[derive(Serialize)]
struct Entry<'a, K, V> {
    key: &'a K,
    value: &'a V,
}

impl<'a, K, V> Entry<'a, K, V> {
    fn of((key, value): (&'a K, &'a V)) -> Entry<'a, K, V> {
        Entry { key, value }
    }
}

impl<K: Serialize, V: Serialize, S> ShowRows for &&&Probe<'_, HashMap<K, V, S>> {
    fn show(&self) -> Option<Shown> {
        Some(rows::show_unordered(self.0.len(), &mut self.0.iter(), |row, sink| Entry::of(row).serialize(sink)))
    }
}

impl<K: Serialize, V: Serialize> ShowRows for &&&Probe<'_, BTreeMap<K, V>> {
    fn show(&self) -> Option<Shown> {
        Some(rows::show(self.0.len(), '{', '}', &mut self.0.iter(), |row, sink| Entry::of(row).serialize(sink)))
    }
}

/// Anything with `Debug`.
pub trait ShowDebug {
    /// The text.
    fn show(&self) -> Option<Shown>;
}

impl<T: Debug + ?Sized> ShowDebug for &&Probe<'_, T> {
    fn show(&self) -> Option<Shown> {
        Some(text::debug(&self.0))
    }
}

/// Anything serialisable without `Debug`.
pub trait ShowSerialize {
    /// The text.
    fn show(&self) -> Option<Shown>;
}

impl<T: Serialize> ShowSerialize for &Probe<'_, T> {
    fn show(&self) -> Option<Shown> {
        Some(rows::one(|sink| self.0.serialize(sink)))
    }
}

/// Anything else: its type.
pub trait ShowType {
    /// The type's name.
    fn show(&self) -> Option<Shown>;
}

impl<T: ?Sized> ShowType for Probe<'_, T> {
    fn show(&self) -> Option<Shown> {
        Some(text::type_name(std::any::type_name::<T>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::Column;

    macro_rules! shown {
        ($value:expr) => {{
            #[allow(clippy::needless_borrow)]
            (&&&&&&Probe(&$value)).show()
        }};
    }

    fn column(name: &str, numeric: bool) -> Column {
        Column { name: name.into(), numeric }
    }

    #[derive(serde::Serialize, Debug)]
    struct Point {
        x: i32,
        label: &'static str,
    }

    struct Opaque;

    #[test]
    fn tuples_structs_and_maps_are_tables() {
        assert_eq!(
            shown!(vec![("a", 1), ("b", 2)]),
            Some(Shown::Table {
                columns: vec![column("0", false), column("1", true)],
                rows: vec![vec!["a".into(), "1".into()], vec!["b".into(), "2".into()]],
                total: 2
            })
        );
        assert_eq!(
            shown!(vec![Point { x: 1, label: "one" }]),
            Some(Shown::Table {
                columns: vec![column("x", true), column("label", false)],
                rows: vec![vec!["1".into(), "one".into()]],
                total: 1
            })
        );
        let Some(Shown::Table { rows, total, .. }) = shown!((0..50).map(|i| (i, i)).collect::<Vec<_>>()) else {
            panic!("a table")
        };
        assert_eq!((rows.len(), total), (20, 50));
    }

    #[test]
    fn hash_maps_are_in_the_order_of_their_keys() {
        let counts = HashMap::from([(10, 1), (9, 2), (-1, 3)]);
        let Some(Shown::Table { rows, .. }) = shown!(counts) else { panic!("a table") };
        assert_eq!(rows, [["-1", "3"], ["9", "2"], ["10", "1"]]);
        let names = HashMap::from([("b", 1), ("a", 2)]);
        let Some(Shown::Table { rows, .. }) = shown!(names) else { panic!("a table") };
        assert_eq!(rows, [["a", "2"], ["b", "1"]]);
    }

    #[test]
    fn what_the_engine_gives_shows_what_is_in_it() {
        let ctx = DparkContext::local(1);
        let total = ctx.accumulator(5_i64);
        assert_eq!(shown!(total), Some(Shown::Text("accumulator: 5".into())));
        let stats = ctx.parallelize([1.0, 3.0]).stats().unwrap();
        let Some(Shown::Table { columns, rows, total: 1 }) = shown!(stats) else { panic!("a table") };
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["count", "mean", "stdev", "min", "max", "sum"]);
        assert_eq!(rows, [["2", "2.0", "1.0", "1.0", "3.0", "4.0"]]);
    }

    #[test]
    fn a_bundle_is_shown_in_all_its_forms_and_the_name_of_a_display_not_at_all() {
        let bundle = MimeBundle::new().html("<b>1</b>").text("1");
        assert_eq!(shown!(bundle), Some(Shown::Bundle(bundle.clone())));
        assert_eq!(shown!(crate::display("1")), None);
    }

    #[test]
    fn scalars_are_lists_and_the_rest_is_debug() {
        assert_eq!(shown!(vec![1, 2, 3]), Some(Shown::Text("[1, 2, 3]".into())));
        assert_eq!(shown!(vec!["a"]), Some(Shown::Text("[\"a\"]".into())));
        assert_eq!(shown!(Vec::<(i32, i32)>::new()), Some(Shown::Text("[]".into())));
        assert_eq!(shown!(Some(3)), Some(Shown::Text("Some(3)".into())));
        assert_eq!(shown!("text"), Some(Shown::Text("\"text\"".into())));
        assert_eq!(shown!(()), None);
        let Some(Shown::Text(name)) = shown!(Opaque) else { panic!("a text") };
        assert!(name.contains("Opaque"), "{name}");
    }

    #[test]
    #[allow(clippy::needless_borrow, reason = "as the generated code writes it")]
    fn results_are_opened() {
        let good: Result<i32, String> = Ok(3);
        assert_eq!((&&Value(&good)).open().ok(), Some(&3));
        let bad: Result<i32, String> = Err("no".into());
        assert!((&&Value(&bad)).open().is_err());
        assert_eq!((&&Value(&5)).open().ok(), Some(&5));
    }
}
