//! What a cell may rely on when its closures run in another process: Spark's own corpus for its shell, told anew. The same
//! cells bring the same answers on threads.

use dpark_tests::shell::Shell;

const CELLS: &[(&str, &str)] = &[
    // Closures see what earlier cells have left.
    ("let mut v = 7_i64; let numbers = ctx.range(1, 11);", ""),
    ("let by_v = numbers.map(|x| x * v);", ""),
    ("v = 10;", ""),
    ("(by_v.sum()?, numbers.map(|x| x * v).sum()?)", "(385, 550)"),
    ("let v = \"text\";", ""),
    ("(by_v.sum()?, numbers.map(|x| x + v.len() as i64).sum()?)", "(385, 95)"),
    ("let total = ctx.accumulator(0_i64); numbers.foreach(|x| total.add(x))?;", ""),
    ("numbers.foreach(|x| total.add(x * v.len() as i64))?; total.value()", "275"),
    ("let table = ctx.broadcast(vec![5_i64; 4]);", ""),
    ("numbers.map(|x| table.iter().sum::<i64>() + x).sum()?", "255"),
    // Functions, helpers inside of them, pointers to them.
    ("fn double(x: i64) -> i64 { fn twice(x: i64) -> i64 { x + x } twice(x) }", ""),
    ("fn quadruple(x: i64) -> i64 { double(double(x)) }", ""),
    ("numbers.map(quadruple).sum()?", "220"),
    ("let step: fn(i64) -> i64 = double;", ""),
    ("(numbers.map(step).sum()?, numbers.map(|x| step(x) + 1).sum()?)", "(110, 120)"),
    // Types.
    (
        "#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Point { x: i64, y: i64 }
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape { Dot(Point), Line { from: Point, to: Point }, Nothing }
trait Size { fn size(&self) -> i64; }
impl Size for Point { fn size(&self) -> i64 { self.x.abs() + self.y.abs() } }
impl Size for Shape {
    fn size(&self) -> i64 {
        match self { Shape::Dot(p) => p.size(), Shape::Line { from, to } => to.size() - from.size(), Shape::Nothing => 0 }
    }
}",
        "",
    ),
    (
        "#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair<T> { left: T, right: T }
impl<T: Size> Size for Pair<T> { fn size(&self) -> i64 { self.left.size() + self.right.size() } }
fn largest<T: Size + Clone>(items: &[T]) -> Option<T> { items.iter().max_by_key(|item| item.size()).cloned() }",
        "",
    ),
    ("let points = numbers.map(|x| Point { x: x % 3, y: 1 }).cache(); let origin = Point { x: 0, y: 1 };", ""),
    ("(points.count()?, points.filter(|p| *p == origin).count()?)", "(10, 3)"),
    (
        "points.map(|p| (p, Point { x: 1, y: 0 })).reduce_by_key(|a, b| Point { x: a.x + b.x, y: 0 }).map(|(p, n)| (p.x, n.x)).sort_by_key().map(|(x, n)| x * 10 + n).collect()?",
        "[3, 14, 23]",
    ),
    ("points.map(|p| p.size()).sum()?", "20"),
    (
        "let shapes = points.map(|p| if p.x == 0 { Shape::Nothing } else if p.x == 1 { Shape::Dot(p) } else { Shape::Line { from: Point { x: 0, y: 0 }, to: p } });",
        "",
    ),
    ("(shapes.map(|s| s.size()).sum()?, shapes.filter(|s| matches!(s, Shape::Line { .. })).first()?)", "(17, Line { from: Point { x: 0, y: 0 }, to: Point { x: 2, y: 1 } })"),
    ("points.map(|p| Pair { left: p.clone(), right: p }.size()).sum()?", "40"),
    ("points.glom().map(|list| largest(&list).map(|p| p.x)).collect()?", "[Some(2), Some(2)]"),
    ("points.distinct().sort().collect()?.len()", "3"),
    // Variables of all kinds.
    (
        "let (a, b, c, d) = (1_u8, 2.5_f64, 'c', true); let text = String::from(\"text\"); let slice = \"slice\"; let list = vec![1_i64, 2]; let nested = vec![vec![Some(1_i64), None], vec![]];
let map = std::collections::HashMap::from([(1_i64, \"one\".to_owned())]); let tree = std::collections::BTreeMap::from([((1_i64, 2_i64), [3_i64; 2])]);
let tuple = (1_i64, \"two\".to_owned(), (3.0, Some('4'))); let pair = Pair { left: Shape::Dot(origin.clone()), right: Shape::Nothing }; let boxed = Box::new(5_i64); let nothing: Option<Point> = None;",
        "",
    ),
    (
        "let (one, few) = (ctx.range(0, 1), \"few\"); one.map(|_| format!(\"{a} {b} {c} {d} {text} {slice} {list:?} {nested:?} {few}\")).first()?",
        "\"1 2.5 c true text slice [1, 2] [[Some(1), None], []] few\"",
    ),
    (
        "one.map(|_| format!(\"{map:?} {tree:?} {tuple:?} {boxed} {nothing:?} {}\", pair.size())).first()?",
        "\"{1: \\\"one\\\"} {(1, 2): [3, 3]} (1, \\\"two\\\", (3.0, Some('4'))) 5 None 1\"",
    ),
    ("let by_reference = { let list = &list; let n = &v.len(); numbers.map(|x| x * list[1] + *n as i64) };", ""),
    ("by_reference.sum()?", "150"),
    // What is defined again counts from then on; RDDs of before keep what they were made with.
    ("let before = points.map(|p| double(p.x) + p.size()); let half = before.filter(|x| x % 2 == 0).cache();", ""),
    ("half.count()?", "4"),
    ("fn double(x: i64) -> i64 { x * 100 }", ""),
    ("(before.sum()?, half.count()?, numbers.map(double).sum()?, numbers.map(quadruple).sum()?)", "(40, 4, 5500, 550000)"),
    (
        "#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)] struct Point { name: String }",
        "[…]",
    ),
    ("before.sum()?", "40"),
    ("numbers.map(|x| (Point { name: format!(\"p{}\", x % 2) }, x)).reduce_by_key(|a, b| a + b).map(|(p, n)| format!(\"{}={n}\", p.name)).sort().collect()?", "[\"p0=30\", \"p1=25\"]"),
];

#[test]
fn in_other_processes() {
    Shell::new().arg("-m").arg("process[2]").transcript(CELLS);
}

#[test]
fn on_threads() {
    Shell::new().arg("-m").arg("local[2]").transcript(CELLS);
}
