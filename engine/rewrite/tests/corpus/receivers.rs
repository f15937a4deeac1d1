// What is known to be an RDD.

// case: from a context
// outer: ctx Context, n Other
ctx.range(0, 10).map(|x| x + n).count();
ctx.text_file("a").filter(|line| line.len() > n);
ctx.parallelize(vec![1]).map(|x| x + n);
// =>
ctx.range(0, 10).with_env<n>.map(|(n,)| move |x| x + n).count();
ctx.text_file("a").with_env<n>.filter(|(n,)| move |line| line.len() > n);
ctx.parallelize(vec![1]).with_env<n>.map(|(n,)| move |x| x + n);

// case: lets, references, clones
// outer: ctx Context, n Other
let rdd = ctx.range(0, 10);
let other = &rdd;
let third = other.clone().cache();
third.map(|x| x + n);
// =>
let rdd = ctx.range(0, 10);
let other = &rdd;
let third = other.clone().cache();
third.with_env<n>.map(|(n,)| move |x| x + n);

// case: an unknown method keeps the chain
// outer: rdd Rdd, n Other
rdd.sample(0.5).some_new_operator(3).map(|x| x + n)
// =>
rdd.sample(0.5).some_new_operator(3).with_env<n>.map(|(n,)| move |x| x + n)

// case: an action leaves it
// outer: rdd Rdd, n Other
rdd.collect()?.iter().map(|x| x + n).collect::<Vec<_>>();
rdd.count()?.checked_add(1).map(|x| x + n);
rdd.reduce(|a, b| a + b)?.map(|x| x + n);
rdd.take(3).unwrap().into_iter().filter(|x| *x > n).count();
rdd.save_as_text_file("x").map(|_| n);
// =>
rdd.collect()?.iter().map(|x| x + n).collect::<Vec<_>>();
rdd.count()?.checked_add(1).map(|x| x + n);
rdd.reduce(|a, b| a + b)?.map(|x| x + n);
rdd.take(3).unwrap().into_iter().filter(|x| *x > n).count();
rdd.save_as_text_file("x").map(|_| n);

// case: other values are left alone
// outer: rdd Rdd, words Other, n Other
words.iter().map(|x| x + n);
Some(1).map(|x| x + n);
// =>
words.iter().map(|x| x + n);
Some(1).map(|x| x + n);

// case: a variable that shadows an RDD is none
// outer: rdd Rdd, n Other
let rdd = vec![1, 2].into_iter();
rdd.map(|x| x + n);
// =>
let rdd = vec![1, 2].into_iter();
rdd.map(|x| x + n);

// case: parameters and annotations
fn f(ctx: &DparkContext, pairs: Rdd<(String, i64)>, n: i64, list: &[Rdd<i64>]) {
    pairs.map_values(|v| v + n);
    ctx.range(0, 1).map(|x| x + n);
    for rdd in list { rdd.map(|x| x + n); }
    list[0].map(|x| x + n);
    let any: Rdd<i64> = make();
    any.map(|x| x + n);
}
// =>
fn f(ctx: &DparkContext, pairs: Rdd<(String, i64)>, n: i64, list: &[Rdd<i64>]) {
    pairs.with_env<n>.map_values(|(n,)| move |v| v + n);
    ctx.range(0, 1).with_env<n>.map(|(n,)| move |x| x + n);
    for rdd in list { rdd.with_env<n>.map(|(n,)| move |x| x + n); }
    list[0].with_env<n>.map(|(n,)| move |x| x + n);
    let any: Rdd<i64> = make();
    any.with_env<n>.map(|(n,)| move |x| x + n);
}

// case: a context made here
fn main() { let ctx = DparkContext::from_args().unwrap(); let n = 1; ctx.range(0, 1).map(|x| x + n); }
// =>
fn main() { let ctx = DparkContext::from_args().unwrap(); let n = 1; ctx.range(0, 1).with_env<n>.map(|(n,)| move |x| x + n); }

// case: functions of the source that return RDDs
// outer: ctx Context, n Other
// earlier: fn evens(ctx: &DparkContext) -> Rdd<i64> { ctx.range(0, 9).filter(|x| x % 2 == 0) }
fn words(ctx: &DparkContext) -> Rdd<String> { ctx.text_file("a") }
fn checked(ctx: &DparkContext) -> dpark::Result<Rdd<i64>> { Ok(ctx.range(0, 1)) }
words(&ctx).map(|w| w.len() + n);
checked(&ctx)?.map(|x| x + n);
checked(&ctx).map(|rdd| (rdd, n));
if let Ok(rdd) = checked(&ctx) { rdd.map(|x| x + n); }
match checked(&ctx) { Ok(rdd) => rdd.map(|x| x + n), Err(_) => ctx.range(0, n) };
evens(&ctx).map(|x| x + n);
// =>
fn words(ctx: &DparkContext) -> Rdd<String> { ctx.text_file("a") }
fn checked(ctx: &DparkContext) -> dpark::Result<Rdd<i64>> { Ok(ctx.range(0, 1)) }
words(&ctx).with_env<n>.map(|(n,)| move |w| w.len() + n);
checked(&ctx)?.with_env<n>.map(|(n,)| move |x| x + n);
checked(&ctx).map(|rdd| (rdd, n));
if let Ok(rdd) = checked(&ctx) { rdd.with_env<n>.map(|(n,)| move |x| x + n); }
match checked(&ctx) { Ok(rdd) => rdd.with_env<n>.map(|(n,)| move |x| x + n), Err(_) => ctx.range(0, n) };
evens(&ctx).with_env<n>.map(|(n,)| move |x| x + n);

// case: branches and blocks
// outer: rdd Rdd, n Other, deep Other
let r = if deep { rdd.distinct() } else { rdd.clone() };
r.map(|x| x + n);
{ let inner = rdd.clone(); inner }.map(|x| x + n);
match n { 1 => rdd.cache(), _ => rdd.clone() }.filter(|x| *x > n);
// =>
let r = if deep { rdd.distinct() } else { rdd.clone() };
r.with_env<n>.map(|(n,)| move |x| x + n);
{ let inner = rdd.clone(); inner }.with_env<n>.map(|(n,)| move |x| x + n);
match n { 1 => rdd.cache(), _ => rdd.clone() }.with_env<n>.filter(|(n,)| move |x| *x > n);

// case: tuples of RDDs and values
// outer: rdd Rdd, n Other
let (a, k) = (rdd.clone(), n);
a.map(|x| x + k);
k.map(|x| x + n);
// =>
let (a, k) = (rdd.clone(), n);
a.with_env<k>.map(|(k,)| move |x| x + k);
k.map(|x| x + n);

// case: aliases, fields and methods of types in the same source
type Words = Rdd<String>;
struct Job { words: Words, n: usize }
impl Job {
    fn long(&self) -> Words { let n = self.n; self.words.filter(|w| w.len() > n) }
    fn longer(&self, k: usize) { self.long().filter(|w| w.len() > k); Self::other().map(|w| w.len() + k); }
    fn other() -> Words { todo!() }
}
// =>
type Words = Rdd<String>;
struct Job { words: Words, n: usize }
impl Job {
    fn long(&self) -> Words { let n = self.n; self.words.with_env<n>.filter(|(n,)| move |w| w.len() > n) }
    fn longer(&self, k: usize) { self.long().with_env<k>.filter(|(k,)| move |w| w.len() > k); Self::other().with_env<k>.map(|(k,)| move |w| w.len() + k); }
    fn other() -> Words { todo!() }
}

// case: a field of a struct that is defined elsewhere is not seen
// outer: job Other, n Other
job.rdd.map(|x| x + n)
// =>
job.rdd.map(|x| x + n)

// case: fields and methods of a variable whose type is the session's
// outer: job Job, pair user::Pair, n Other, plain Plain
// earlier: struct Job { rdd: Rdd<i64>, part: Part, n: i64 }
// earlier: struct Part { rdds: Vec<Rdd<i64>> }
// earlier: struct Pair(i64, Rdd<i64>);
// earlier: struct Plain { rdd: Vec<i64> }
// earlier: impl Job { fn new() -> Self { todo!() } fn all(&self) -> Rdd<i64> { self.rdd.clone() } }
job.rdd.map(|x| x + n);
job.clone().rdd.map(|x| x + n);
(&job).all().filter(|x| *x > n);
job.part.rdds[0].map(|x| x + n);
pair.1.map(|x| x + n);
pair.0.map(|x| x + n);
Job::new().all().map(|x| x + n);
plain.rdd.iter().map(|x| x + n);
let made = Job { rdd: job.rdd.map(|x| x + n), part: job.part, n };
made.rdd.filter(|x| *x > made.n);
let other = Pair(1, job.all());
other.1.map(|x| x + n);
fn f(job: &Job, n: i64) { job.rdd.map(|x| x + n); }
{ struct Job { rdd: Option<i64> } let job = Job { rdd: None }; job.rdd.map(|x| x + n); }
// =>
job.rdd.with_env<n>.map(|(n,)| move |x| x + n);
job.clone().rdd.with_env<n>.map(|(n,)| move |x| x + n);
(&job).all().with_env<n>.filter(|(n,)| move |x| *x > n);
job.part.rdds[0].with_env<n>.map(|(n,)| move |x| x + n);
pair.1.with_env<n>.map(|(n,)| move |x| x + n);
pair.0.map(|x| x + n);
Job::new().all().with_env<n>.map(|(n,)| move |x| x + n);
plain.rdd.iter().map(|x| x + n);
let made = Job { rdd: job.rdd.with_env<n>.map(|(n,)| move |x| x + n), part: job.part, n };
made.rdd.with_env<made>.filter(|(made,)| move |x| *x > made.n);
let other = Pair(1, job.all());
other.1.with_env<n>.map(|(n,)| move |x| x + n);
fn f(job: &Job, n: i64) { job.rdd.with_env<n>.map(|(n,)| move |x| x + n); }
{ struct Job { rdd: Option<i64> } let job = Job { rdd: None }; job.rdd.map(|x| x + n); }

// case: modules have their own names
// outer: rdd Rdd, n Other
mod m { fn f(rdd: Vec<i64>, n: i64) { rdd.map(|x| x + n); } fn g(rdd: &dpark::Rdd<i64>, n: i64) { rdd.map(|x| x + n); } }
// =>
mod m { fn f(rdd: Vec<i64>, n: i64) { rdd.map(|x| x + n); } fn g(rdd: &dpark::Rdd<i64>, n: i64) { rdd.with_env<n>.map(|(n,)| move |x| x + n); } }

// case: checkpoints
// outer: ctx Context, rdd Rdd, n Other
rdd.checkpoint("a")?.map(|x| x + n);
let back = ctx.read_checkpoint::<i64>("a").unwrap();
back.filter(|x| *x > n).persist(StorageLevel::Disk).map(|x| x + n);
rdd.checkpoint("a").map(|rdd| (rdd, n));
rdd.storage_level().map(|level| (level, n));
// =>
rdd.checkpoint("a")?.with_env<n>.map(|(n,)| move |x| x + n);
let back = ctx.read_checkpoint::<i64>("a").unwrap();
back.with_env<n>.filter(|(n,)| move |x| *x > n).persist(StorageLevel::Disk).with_env<n>.map(|(n,)| move |x| x + n);
rdd.checkpoint("a").map(|rdd| (rdd, n));
rdd.storage_level().map(|level| (level, n));

// case: broadcast joins
// outer: rdd Rdd, small Rdd, n Other
rdd.broadcast_join(&small)?.filter(|row| row.0 > n);
let joined = rdd.inner_join(&small).unwrap();
joined.map_values(|v| v.0 + n).broadcast_left_outer_join(&small)?.count()?;
// =>
rdd.broadcast_join(&small)?.with_env<n>.filter(|(n,)| move |row| row.0 > n);
let joined = rdd.inner_join(&small).unwrap();
joined.with_env<n>.map_values(|(n,)| move |v| v.0 + n).broadcast_left_outer_join(&small)?.count()?;

// case: broadcasts and accumulators made here
// outer: ctx Context, rdd Rdd, map Other
let table = ctx.broadcast(map.clone());
let (seen, list) = (ctx.accumulator_with(0, |a, b| *a = b), ctx.list_accumulator());
rdd.filter(|x| table.contains_key(x)).foreach(|x| { seen.add(x); list.push(table[&x]); });
table.iter().map(|x| x + map.len());
// =>
let table = ctx.broadcast(map.clone());
let (seen, list) = (ctx.accumulator_with(0, |a, b| *a = b), ctx.list_accumulator());
rdd.with_env<table>.filter(|(table,)| move |x| table.contains_key(x)).with_env<seen, list, table>.foreach(|(seen,list,table,)| move |x| { seen.add(x); list.push(table[&x]); });
table.iter().map(|x| x + map.len());

// case: a broadcast is not written to
// outer: rdd Rdd, table Broadcast
rdd.foreach(|x| table.insert(x));
rdd.foreach(|x| *table = x);
// =>
error at 2:18: the closure of `foreach` changes the captured variable `table`: it works on a copy, on another machine / to count or sum, use an accumulator (`let total = ctx.accumulator(0);`, in the closure `total.add(..)`); else return the value and use an action such as `reduce` or `collect`

// case: lists and results of RDDs from earlier cells
// outer: parts RddList, opened RddResult, n Other
parts[0].map(|x| x + n);
for part in &parts { part.map(|x| x + n); }
parts.iter().map(|part| part.map(|x| x + n).sum().unwrap()).sum::<i64>();
parts.iter().for_each(|part| part.foreach(|x| println!("{x}{n}")).unwrap());
let shifted: Vec<_> = parts.iter().map(|part| part.map(|x| x + n)).collect();
shifted[1].map(|x| x + n);
opened.as_ref().unwrap().map(|x| x + n);
opened.as_ref().map(|rdd| rdd.map(|x| x + n));
opened.map(|rdd| (rdd, n));
opened.unwrap_or_else(|e| panic!("{e}{n}")).map(|x| x + n);
// =>
parts[0].with_env<n>.map(|(n,)| move |x| x + n);
for part in &parts { part.with_env<n>.map(|(n,)| move |x| x + n); }
parts.iter().map(|part| part.with_env<n>.map(|(n,)| move |x| x + n).sum().unwrap()).sum::<i64>();
parts.iter().for_each(|part| part.with_env<n>.foreach(|(n,)| move |x| println!("{x}{n}")).unwrap());
let shifted: Vec<_> = parts.iter().map(|part| part.with_env<n>.map(|(n,)| move |x| x + n)).collect();
shifted[1].with_env<n>.map(|(n,)| move |x| x + n);
opened.as_ref().unwrap().with_env<n>.map(|(n,)| move |x| x + n);
opened.as_ref().map(|rdd| rdd.with_env<n>.map(|(n,)| move |x| x + n));
opened.map(|rdd| (rdd, n));
opened.unwrap_or_else(|e| panic!("{e}{n}")).with_env<n>.map(|(n,)| move |x| x + n);

// case: items of earlier cells tell what they give
// outer: ctx Context, n Other
// earlier: type Numbers = Rdd<i64>;
// earlier: fn odds(ctx: &DparkContext) -> Numbers { ctx.range(0, 9).filter(|x| x % 2 == 1) }
// earlier: fn halves(ctx: &DparkContext) -> Vec<Rdd<i64>> { ctx.range(0, 9).random_split([1.0, 1.0], 1) }
// earlier: fn rows(ctx: &DparkContext) -> Rdd<i64> { ctx.range(0, 9) }
// earlier: struct Table { rows: Numbers }
odds(&ctx).map(|x| x + n);
halves(&ctx)[0].map(|x| x + n);
fn rows(ctx: &DparkContext) -> Vec<i64> { vec![1] }
rows(&ctx).into_iter().map(|x| x + n);
impl Table { fn add(&self, k: i64) -> Rdd<i64> { self.rows.map(|x| x + k) } }
// =>
odds(&ctx).with_env<n>.map(|(n,)| move |x| x + n);
halves(&ctx)[0].with_env<n>.map(|(n,)| move |x| x + n);
fn rows(ctx: &DparkContext) -> Vec<i64> { vec![1] }
rows(&ctx).into_iter().map(|x| x + n);
impl Table { fn add(&self, k: i64) -> Rdd<i64> { self.rows.with_env<k>.map(|(k,)| move |x| x + k) } }
