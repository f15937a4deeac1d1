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
