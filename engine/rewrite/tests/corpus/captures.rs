// What a closure captures, and how it comes out.

// case: by name
// outer: rdd Rdd, n Other
rdd.map(|x| x + n)
// =>
rdd.with_env<n>.map(|(n,)| move |x| x + n)

// case: nothing captured, nothing changed
// outer: rdd Rdd, n Other
rdd.map(|x| x + 1).filter(|x| *x > 2)
// =>
rdd.map(|x| x + 1).filter(|x| *x > 2)

// case: a chain, each operator with its own
// outer: rdd Rdd, n Other, m Other
rdd.map(|x| x + n)
    .filter(|x| *x > 0)
    .filter(|x| *x < m);
// =>
rdd.with_env<n>.map(|(n,)| move |x| x + n)
    .filter(|x| *x > 0)
    .with_env<m>.filter(|(m,)| move |x| *x < m);

// case: move stays
// outer: rdd Rdd, n Other
rdd.map(move |x| x + n)
// =>
rdd.with_env<n>.map(|(n,)| move |x| x + n)

// case: through a reference
// outer: rdd Rdd
fn f(rdd: &Rdd<i64>, n: &i64) -> Rdd<i64> { rdd.map(|x| x + *n + n) }
// =>
fn f(rdd: &Rdd<i64>, n: &i64) -> Rdd<i64> { rdd.with_env<n>.map(|(n,)| move |x| x + *n + n) }

// case: fields of a variable take the variable
// outer: rdd Rdd, p Other
rdd.map(|x| x + p.x + p.inner.y + p.0.1)
// =>
rdd.with_env<p>.map(|(p,)| move |x| x + p.x + p.inner.y + p.0.1)

// case: methods, indexes, calls, casts, struct literals
// outer: rdd Rdd, table Other, k Other, f Other, y Other
rdd.map(|x| Point { x, y, z: f(table[&k].len() as i64) })
// =>
rdd.with_env<y, f, table, k>.map(|(y,f,table,k,)| move |x| Point { x, y, z: f(table[&k].len() as i64) })

// case: broadcast and accumulator
// outer: rdd Rdd, table Broadcast, seen Accumulator
rdd.foreach(|x| if table.value().contains(&x) { seen.add(1) })
// =>
rdd.with_env<table, seen>.foreach(|(table,seen,)| move |x| if table.value().contains(&x) { seen.add(1) })

// case: constants, statics, functions, variants are no captures
// outer: rdd Rdd, n Other
const LIMIT: i64 = 5; static NAME: &str = "a"; fn twice(x: i64) -> i64 { x * 2 } rdd.map(|x| twice(x) + LIMIT + NAME.len() as i64 + Some(1).unwrap_or(None.unwrap_or(0)))
// =>
const LIMIT: i64 = 5; static NAME: &str = "a"; fn twice(x: i64) -> i64 { x * 2 } rdd.map(|x| twice(x) + LIMIT + NAME.len() as i64 + Some(1).unwrap_or(None.unwrap_or(0)))

// case: several functions in one call
// outer: rdd Rdd, n Other, m Other
rdd.aggregate(0, |a, x| a + x * n, |a, b| a + b);
rdd.combine_by_key(|v| v + n, |c, v| c + v, |a, b| a + b + m);
rdd.aggregate(n, |a, x| a + x, |a, b| a + b);
// =>
rdd.with_env<n>.aggregate(0, |#[allow(unused_variables)](n,)| move |a, x| a + x * n, |#[allow(unused_variables)](n,)| move |a, b| a + b);
rdd.with_env<n, m>.combine_by_key(|#[allow(unused_variables)](n,m,)| move |v| v + n, |#[allow(unused_variables)](n,m,)| move |c, v| c + v, |#[allow(unused_variables)](n,m,)| move |a, b| a + b + m);
rdd.aggregate(n, |a, x| a + x, |a, b| a + b);

// case: a function among them becomes a factory too
// outer: rdd Rdd, n Other, merge Other
rdd.aggregate(0, |a, x| a + x * n, add);
rdd.aggregate(0, |a, x| a + x * n, i64::max);
rdd.aggregate(0, |a, x| a + x * n, merge);
rdd.fold(n, |a, b| a + b);
rdd.top_by(n, |kv| kv.1 * n);
// =>
rdd.with_env<n>.aggregate(0, |#[allow(unused_variables)](n,)| move |a, x| a + x * n, |#[allow(unused_variables)](n,)| add);
rdd.with_env<n>.aggregate(0, |#[allow(unused_variables)](n,)| move |a, x| a + x * n, |#[allow(unused_variables)](n,)| i64::max);
rdd.with_env<n, merge>.aggregate(0, |#[allow(unused_variables)](n,merge,)| move |a, x| a + x * n, |#[allow(unused_variables)](n,merge,)| merge);
rdd.fold(n, |a, b| a + b);
rdd.with_env<n>.top_by(n, |(n,)| move |kv| kv.1 * n);

// case: nested closures, also with move
// outer: rdd Rdd, n Other, m Other
rdd.flat_map(|x| (0..n).map(move |y| x * y + m).collect::<Vec<_>>())
// =>
rdd.with_env<n, m>.flat_map(|(n,m,)| move |x| (0..n).map(move |y| x * y + m).collect::<Vec<_>>())

// case: parentheses, blocks, labels, async, return types
// outer: rdd Rdd, n Other
rdd.map((|x| x + n));
rdd.map(|x| -> i64 { 'a: { if x > n { break 'a n; } x } });
rdd.map(|x: i64| { let f = async { n }; drop(f); x });
// =>
rdd.with_env<n>.map(|(n,)| (move |x| x + n));
rdd.with_env<n>.map(|(n,)| move |x| -> i64 { 'a: { if x > n { break 'a n; } x } });
rdd.with_env<n>.map(|(n,)| move |x: i64| { let f = async { n }; drop(f); x });

// case: loop variables and locals
// outer: rdd Rdd
for k in 0..3 { let step = k * 2; rdd.map(|x| x + k + step).count()?; }
// =>
for k in 0..3 { let step = k * 2; rdd.with_env<k, step>.map(|(k,step,)| move |x| x + k + step).count()?; }

// case: a function's parameters, generics
fn f<T: Data>(rdd: &Rdd<T>, wanted: T, n: usize) -> Rdd<T> { rdd.filter(|row| *row == wanted && n > 0) }
// =>
fn f<T: Data>(rdd: &Rdd<T>, wanted: T, n: usize) -> Rdd<T> { rdd.with_env<wanted, n>.filter(|(wanted,n,)| move |row| *row == wanted && n > 0) }

// case: a closure around the operator
// outer: rdd Rdd, m Other
let shifted = |by: i64| rdd.map(|x| x + by + m).collect();
// =>
let shifted = |by: i64| rdd.with_env<by, m>.map(|(by,m,)| move |x| x + by + m).collect();

// case: written by hand, and rewritten before
// outer: rdd Rdd, n Other
rdd.with_env((&n,)).map(|(n,)| move |x| x + n).filter(|x| *x > n)
// =>
rdd.with_env((&n,)).map(|(n,)| move |x| x + n).with_env<n>.filter(|(n,)| move |x| *x > n)

// case: raw identifiers and other scripts
// outer: rdd Rdd, r#type Other, größe Other
rdd.map(|x| x + r#type + größe)
// =>
rdd.with_env<r#type, größe>.map(|(r#type,größe,)| move |x| x + r#type + größe)
