fn parse_pair(line: &str) -> (u64, i64) {
    let (key, value) = line.split_once(' ').expect("two columns");
    (key.parse().expect("a key"), value.parse().expect("a value"))
}
let pairs = ctx.text_file(path("pairs")).map_str(parse_pair);
// %%
let sorted = pairs.sort_by(|pair| pair.0);
// %%
const BASE: u64 = 0x5851_f42d_4c95_7f2d;
fn checksum(rows: impl Iterator<Item = (u64, i64)>) -> (u64, u64, u64) {
    rows.fold((0, 0, 1), |(count, sum, power), (key, value)| {
        let row = key.wrapping_mul(31).wrapping_add(value as u64);
        (count + 1, sum.wrapping_mul(BASE).wrapping_add(row), power.wrapping_mul(BASE))
    })
}
let checked = sorted.map_partitions(|rows| [checksum(rows)]);
// %%
let before = cpu();
// %%
let began = Instant::now();
let parts = checked.collect()?;
let wall = began.elapsed();
// %%
let (count, sum) = parts.iter().fold((0, 0u64), |(count, sum), part| {
    (count + part.0, sum.wrapping_mul(part.2).wrapping_add(part.1))
});
finish(wall, before, format!("{count} {sum}"));
