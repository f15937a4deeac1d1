fn parse_pair(line: &str) -> (u64, i64) {
    let (key, value) = line.split_once(' ').expect("two columns");
    (key.parse().expect("a key"), value.parse().expect("a value"))
}
let pairs = ctx.text_file(path("pairs")).map_str(parse_pair);
// %%
let sums = pairs.reduce_by_key(|a, b| a + b);
// %%
let checked = sums.map(|(key, sum)| (1u64, key.wrapping_mul(sum as u64)));
// %%
let before = cpu();
// %%
let began = Instant::now();
let (count, checksum) = checked.reduce(|a, b| (a.0 + b.0, a.1.wrapping_add(b.1)))?;
let wall = began.elapsed();
// %%
finish(wall, before, format!("{count} {checksum}"));
