// Macros and format strings.

// case: format strings
// outer: rdd Rdd, n Other, width Other, precision Other
rdd.map(|x| format!("{n}"));
rdd.map(|x| format!("{n:?} {{width}}"));
rdd.map(|x| format!("{:>width$.precision$}", x));
rdd.foreach(|x| println!("{x} {n:>5}"));
rdd.map(|x| format!("{n}", n = x));
rdd.map(|x| format!("{}", "{n}"));
// =>
rdd.with_env<n>.map(|(n,)| move |x| format!("{n}"));
rdd.with_env<n>.map(|(n,)| move |x| format!("{n:?} {{width}}"));
rdd.with_env<width, precision>.map(|(width,precision,)| move |x| format!("{:>width$.precision$}", x));
rdd.with_env<n>.foreach(|(n,)| move |x| println!("{x} {n:>5}"));
rdd.map(|x| format!("{n}", n = x));
rdd.map(|x| format!("{}", "{n}"));

// case: expressions in macros
// outer: rdd Rdd, n Other, m Other
rdd.flat_map(|x| vec![x; n]);
rdd.flat_map(|x| vec![n, m]);
rdd.map(|x| { assert!(x > n, "not {m}"); assert_eq!(x, 1, "{n}"); x });
rdd.map(|x| format!("{}", [x].iter().map(|n| n + 1).count()));
rdd.map(|x| write!(out(x), "{m}"));
// =>
rdd.with_env<n>.flat_map(|(n,)| move |x| vec![x; n]);
rdd.with_env<n, m>.flat_map(|(n,m,)| move |x| vec![n, m]);
rdd.with_env<n, m>.map(|(n,m,)| move |x| { assert!(x > n, "not {m}"); assert_eq!(x, 1, "{n}"); x });
rdd.map(|x| format!("{}", [x].iter().map(|n| n + 1).count()));
rdd.with_env<m>.map(|(m,)| move |x| write!(out(x), "{m}"));

// case: matches
// outer: rdd Rdd, n Other, m Other
rdd.filter(|x| matches!(x, Some(n) if *n > 1));
rdd.filter(|x| matches!(x, Some(y) if *y > n));
// =>
rdd.filter(|x| matches!(x, Some(n) if *n > 1));
rdd.with_env<n>.filter(|(n,)| move |x| matches!(x, Some(y) if *y > n));

// case: a macro of the user's
// outer: rdd Rdd, n Other, m Other
rdd.map(|x| my_macro!(x, n));
rdd.map(|x| my_macro!(x => n, "{m}", .n, a::m));
// =>
rdd.with_env<n>.map(|#[allow(unused_variables)](n,)| move |x| my_macro!(x, n));
rdd.with_env<n, m>.map(|#[allow(unused_variables)](n,m,)| move |x| my_macro!(x => n, "{m}", .n, a::m));

// case: operators inside macros
// outer: rdd Rdd, n Other
println!("{:?}", rdd.map(|x| x + n).collect()?);
let all = vec![rdd.map(|x| x + n), rdd.clone()];
assert_eq!(rdd.filter(|x| *x > n).count()?, 1, "{n}");
// =>
println!("{:?}", rdd.with_env<n>.map(|(n,)| move |x| x + n).collect()?);
let all = vec![rdd.with_env<n>.map(|(n,)| move |x| x + n), rdd.clone()];
assert_eq!(rdd.with_env<n>.filter(|(n,)| move |x| *x > n).count()?, 1, "{n}");

// case: a list of RDDs
// outer: rdd Rdd, n Other
for each in vec![rdd.clone(), rdd.cache()] { each.map(|x| x + n); }
[rdd.clone()].iter().map(|each| (each.clone(), n)).count();
// =>
for each in vec![rdd.clone(), rdd.cache()] { each.with_env<n>.map(|(n,)| move |x| x + n); }
[rdd.clone()].iter().map(|each| (each.clone(), n)).count();
