fn parse_pair(line: &str) -> (u64, i64) {
    let (key, value) = line.split_once(' ').expect("two columns");
    (key.parse().expect("a key"), value.parse().expect("a value"))
}
let pairs = ctx.text_file(path("pairs")).map_str(parse_pair);
// %%
let dim = ctx.text_file(path("dim")).map_str(parse_pair);
// %%
let joined = pairs.join(&dim);
// %%
let rows = joined.map(|(_, (value, weight))| (1u64, value * weight));
// %%
let before = cpu();
// %%
let began = Instant::now();
let (count, sum) = rows.reduce(|a, b| (a.0 + b.0, a.1 + b.1))?;
let wall = began.elapsed();
// %%
finish(wall, before, format!("{count} {sum}"));
