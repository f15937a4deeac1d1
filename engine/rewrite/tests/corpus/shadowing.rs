// Names that are not the variable of that name.

// case: closure parameters
// outer: rdd Rdd, n Other
rdd.map(|n| n + 1);
rdd.map(|(n, m)| n + m);
rdd.flat_map(|x| (0..3).map(|n| x + n).collect::<Vec<_>>());
// =>
rdd.map(|n| n + 1);
rdd.map(|(n, m)| n + m);
rdd.flat_map(|x| (0..3).map(|n| x + n).collect::<Vec<_>>());

// case: lets, before and after
// outer: rdd Rdd, n Other
rdd.map(|x| { let n = x; n });
rdd.map(|x| { let n = n + x; n });
// =>
rdd.map(|x| { let n = x; n });
rdd.with_env<n>.map(|(n,)| move |x| { let n = n + x; n });

// case: match arms, for, if let, while let, let else
// outer: rdd Rdd, n Other
rdd.map(|x| match x { n if n > 1 => n, _ => 0 });
rdd.map(|x| { for n in 0..x { use_it(n); } x });
rdd.map(|x| if let Some(n) = x { n } else { 0 });
rdd.map(|x| if let Some(n) = x { n } else { n });
rdd.map(|mut x| { while let Some(n) = x.pop() { use_it(n); } 1 });
rdd.map(|x| { let Some(n) = x else { return 0 }; n });
// =>
rdd.map(|x| match x { n if n > 1 => n, _ => 0 });
rdd.map(|x| { for n in 0..x { use_it(n); } x });
rdd.map(|x| if let Some(n) = x { n } else { 0 });
rdd.with_env<n>.map(|(n,)| move |x| if let Some(n) = x { n } else { n });
rdd.map(|mut x| { while let Some(n) = x.pop() { use_it(n); } 1 });
rdd.map(|x| { let Some(n) = x else { return 0 }; n });

// case: nested functions see no variables
// outer: rdd Rdd, n Other
rdd.map(|x| { fn n(x: i64) -> i64 { x } n(x) });
rdd.map(|x| { fn f(n: i64) -> i64 { n } f(x) });
// =>
rdd.map(|x| { fn n(x: i64) -> i64 { x } n(x) });
rdd.map(|x| { fn f(n: i64) -> i64 { n } f(x) });

// case: an item of the enclosing block hides a variable
// outer: rdd Rdd, n Other
{ const n: i64 = 1; rdd.map(|x| x + n); }
// =>
{ const n: i64 = 1; rdd.map(|x| x + n); }

// case: fields and methods of the same name
// outer: rdd Rdd, n Other
rdd.map(|x| x.n + x.n());
rdd.map(|x| P { n: x });
rdd.map(|x| m::n(x));
// =>
rdd.map(|x| x.n + x.n());
rdd.map(|x| P { n: x });
rdd.map(|x| m::n(x));

// case: a shadowed variable of the session is the nearest one
// outer: rdd Rdd, n Other
fn f(rdd: &Rdd<i64>) { rdd.map(|x| x + n); }
// =>
fn f(rdd: &Rdd<i64>) { rdd.map(|x| x + n); }

// case: constants in patterns bind nothing
// outer: rdd Rdd, x Other
match x { None => rdd.map(|y| y.or(None)), MAX => rdd.map(|y| y + MAX) };
// =>
match x { None => rdd.map(|y| y.or(None)), MAX => rdd.map(|y| y + MAX) };
