// What cannot be shipped, with the way out.

// case: an RDD inside a closure
// outer: rdd Rdd, other Rdd
rdd.map(|x| x + other.count().unwrap())
// =>
error at 1:17: the closure of `map` uses the RDD `other`: an RDD cannot be used inside a closure / join the two RDDs, or collect it first: `let table = other.collect_as_map()?;` and use `table`

// case: an RDD of the cell, on another line
// outer: ctx Context
let table = ctx.range(0, 3);
let rows = ctx.range(0, 3)
    .filter(|x| table.collect().unwrap().contains(x));
// =>
error at 3:17: the closure of `filter` uses the RDD `table`: an RDD cannot be used inside a closure / join the two RDDs, or collect it first: `let table = table.collect_as_map()?;` and use `table`

// case: an RDD in a format string
// outer: rdd Rdd
rdd.map(|x| format!("{rdd:?}"))
// =>
error at 1:21: the closure of `map` uses the RDD `rdd`: an RDD cannot be used inside a closure / join the two RDDs, or collect it first: `let table = rdd.collect_as_map()?;` and use `table`

// case: the context inside a closure
// outer: ctx Context, rdd Rdd
rdd.map(|x| ctx.range(0, x).count())
// =>
error at 1:13: the closure of `map` uses the context `ctx`: it exists only on the driver / make the RDD before, outside the closure

// case: assignment to a capture
// outer: rdd Rdd, total Other
rdd.foreach(|x| total += x)
// =>
error at 1:17: the closure of `foreach` changes the captured variable `total`: it works on a copy, on another machine / to count or sum, use an accumulator (`let total = ctx.accumulator(0);`, in the closure `total.add(..)`); else return the value and use an action such as `reduce` or `collect`

// case: other ways to change it
// outer: rdd Rdd, total Other
let mut seen = Vec::new();
rdd.foreach(|x| push(&mut seen, x))
// =>
error at 2:27: the closure of `foreach` changes the captured variable `seen`: it works on a copy, on another machine / to count or sum, use an accumulator (`let total = ctx.accumulator(0);`, in the closure `total.add(..)`); else return the value and use an action such as `reduce` or `collect`

// case: a field, an element, through a reference
// outer: rdd Rdd, p Other
rdd.foreach(|x| { p.list[0] = x; })
// =>
error at 1:19: the closure of `foreach` changes the captured variable `p`: it works on a copy, on another machine / to count or sum, use an accumulator (`let total = ctx.accumulator(0);`, in the closure `total.add(..)`); else return the value and use an action such as `reduce` or `collect`

// case: its own variables may change
// outer: rdd Rdd, n Other
rdd.map(|x| { let mut total = n; total += x; total })
// =>
rdd.with_env<n>.map(|(n,)| move |x| { let mut total = n; total += x; total })

// case: assignment to an accumulator
// outer: rdd Rdd, seen Accumulator
rdd.foreach(|x| seen += 1)
// =>
error at 1:17: the closure of `foreach` assigns to the accumulator `seen` / write `seen.add(..)`

// case: a closure bound to a name
// outer: rdd Rdd
let double = |x: i64| x * 2;
rdd.map(|x| double(x))
// =>
error at 2:13: the closure of `map` uses `double`, which is a closure itself: closures cannot be captured / make it a function (`fn double(..) -> ..`), or write it inside the closure

// case: a function pointer is a value
// outer: rdd Rdd
let double: fn(i64) -> i64 = |x| x * 2;
rdd.map(|x| double(x))
// =>
let double: fn(i64) -> i64 = |x| x * 2;
rdd.with_env<double>.map(|(double,)| move |x| double(x))

// case: type arguments
// outer: rdd Rdd, n Other
rdd.map::<i64, _>(|x| x + n)
// =>
error at 1:5: `map::<…>` cannot have type arguments when its closure captures variables (here `n`) / leave them out and give the type inside: `|x: A| -> B { .. }`, or on the `let`

// case: self in a text
impl Job { fn f(&self, rdd: &Rdd<i64>) { rdd.map(|x| format!("{self}")); } }
// =>
error at 1:62: the closure of `map` uses `self` in a place where no copy can stand for it / bind what is needed to a name first: `let value = self.field.clone();`

// case: changing self
impl Job { fn f(&mut self, rdd: &Rdd<i64>) { rdd.foreach(|x| self.total += x); } }
// =>
error at 1:62: the closure of `foreach` changes the captured variable `self`: it works on a copy, on another machine / to count or sum, use an accumulator (`let total = ctx.accumulator(0);`, in the closure `total.add(..)`); else return the value and use an action such as `reduce` or `collect`

// case: too many
// outer: rdd Rdd
let (a, b, c, d, e, f, g, h, i, j, k, l, m) = all();
rdd.map(|x| x + a + b + c + d + e + f + g + h + i + j + k + l + m)
// =>
error at 2:5: the closure of `map` captures more than 12 variables / put them into a struct or tuple that derives Serialize and Deserialize

// case: a cell that does not parse is the compiler's
// outer: rdd Rdd, n Other
rdd.map(|x| x + n
// =>
rdd.map(|x| x + n
