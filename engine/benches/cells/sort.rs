fn parse_number(text: &[u8]) -> (u64, usize) {
    let mut value = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (value, at);
        }
        value = value * 10 + u64::from(digit);
    }
    (value, text.len())
}
fn parse_pair(text: &[u8]) -> ((u64, i64), usize) {
    let (key, length) = parse_number(text);
    let negative = text[length + 1] == b'-';
    let start = length + 1 + usize::from(negative);
    let (value, length) = parse_number(&text[start..]);
    ((key, if negative { -(value as i64) } else { value as i64 }), start + length)
}
let pairs = ctx.text_file(path("pairs")).map_str(|line| parse_pair(line.as_bytes()).0);
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
