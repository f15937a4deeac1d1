//! Moving rows of four and eight bytes together, several at a time where the processor has instructions for it.

use super::move_each;

/// Rows of four bytes.
///
/// # Safety
/// As for [`super::move_runs`].
pub(super) unsafe fn move_4(rows: *mut u8, to: *mut u8, mask: &[bool]) -> usize {
    // SAFETY: passed on from the caller; the processor has what the function needs.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512bw") {
            return x86_64::move_4_avx512(rows, to, mask);
        }
        move_each::<4>(rows, to, mask)
    }
}

/// Rows of eight bytes.
///
/// # Safety
/// As for [`super::move_runs`].
pub(super) unsafe fn move_8(rows: *mut u8, to: *mut u8, mask: &[bool]) -> usize {
    // SAFETY: passed on from the caller; the processor has what the function needs.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512bw") {
            return x86_64::move_8_avx512(rows, to, mask);
        } else if std::arch::is_x86_feature_detected!("avx2") {
            return x86_64::move_8_avx2(rows, to, mask);
        }
        move_each::<8>(rows, to, mask)
    }
}

/// Blocks of rows are loaded, compressed and stored whole. What is stored behind the kept rows is garbage in places that were
/// loaded before: no more rows are kept than were seen.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86_64 {
    use super::move_each;
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512bw,popcnt")]
    pub(in super::super) unsafe fn move_8_avx512(rows: *mut u8, to: *mut u8, mask: &[bool]) -> usize {
        let (blocks, rest) = mask.as_chunks::<64>();
        let mut kept = 0;
        for (at, block) in blocks.iter().enumerate() {
            let mut bits = bits_of(block);
            for i in 0..8 {
                // SAFETY: eight rows of the block, and places at or before them.
                unsafe {
                    let row = _mm512_loadu_si512(rows.add((at * 64 + i * 8) * 8).cast());
                    let packed = _mm512_maskz_compress_epi64(bits as u8, row);
                    _mm512_storeu_si512(to.add(kept * 8).cast(), packed);
                }
                kept += (bits as u8).count_ones() as usize;
                bits >>= 8;
            }
        }
        // SAFETY: the rows behind the blocks.
        kept + unsafe { move_each::<8>(rows.add(blocks.len() * 64 * 8), to.add(kept * 8), rest) }
    }

    #[target_feature(enable = "avx512f,avx512bw,popcnt")]
    pub(in super::super) unsafe fn move_4_avx512(rows: *mut u8, to: *mut u8, mask: &[bool]) -> usize {
        let (blocks, rest) = mask.as_chunks::<64>();
        let mut kept = 0;
        for (at, block) in blocks.iter().enumerate() {
            let mut bits = bits_of(block);
            for i in 0..4 {
                // SAFETY: sixteen rows of the block, and places at or before them.
                unsafe {
                    let row = _mm512_loadu_si512(rows.add((at * 64 + i * 16) * 4).cast());
                    let packed = _mm512_maskz_compress_epi32(bits as u16, row);
                    _mm512_storeu_si512(to.add(kept * 4).cast(), packed);
                }
                kept += (bits as u16).count_ones() as usize;
                bits >>= 16;
            }
        }
        // SAFETY: the rows behind the blocks.
        kept + unsafe { move_each::<4>(rows.add(blocks.len() * 64 * 4), to.add(kept * 4), rest) }
    }

    /// A bit for each answer.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn bits_of(block: &[bool; 64]) -> u64 {
        // SAFETY: the block has 64 bytes.
        let answers = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        _mm512_test_epi8_mask(answers, answers)
    }

    /// For each four answers, the halves of the rows to keep.
    static KEPT: [[u32; 8]; 16] = kept_halves();

    const fn kept_halves() -> [[u32; 8]; 16] {
        let mut table = [[0; 8]; 16];
        let mut bits = 0;
        while bits < 16 {
            let (mut row, mut kept) = (0, 0);
            while row < 4 {
                if bits >> row & 1 == 1 {
                    table[bits][kept] = 2 * row;
                    table[bits][kept + 1] = 2 * row + 1;
                    kept += 2;
                }
                row += 1;
            }
            bits += 1;
        }
        table
    }

    #[target_feature(enable = "avx2,popcnt")]
    pub(in super::super) unsafe fn move_8_avx2(rows: *mut u8, to: *mut u8, mask: &[bool]) -> usize {
        let (blocks, rest) = mask.as_chunks::<32>();
        let mut kept = 0;
        for (at, block) in blocks.iter().enumerate() {
            // SAFETY: the block has 32 bytes.
            let answers = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
            // An answer is 0 or 1: the highest bit of each byte becomes one of these.
            let mut bits = _mm256_movemask_epi8(_mm256_slli_epi16::<7>(answers)) as u32;
            for i in 0..8 {
                let four = bits as usize & 15;
                // SAFETY: four rows of the block, and places at or before them; the table's entries have 32 bytes.
                unsafe {
                    let row = _mm256_loadu_si256(rows.add((at * 32 + i * 4) * 8).cast());
                    let order = _mm256_loadu_si256(KEPT[four].as_ptr().cast());
                    _mm256_storeu_si256(to.add(kept * 8).cast(), _mm256_permutevar8x32_epi32(row, order));
                }
                kept += four.count_ones() as usize;
                bits >>= 4;
            }
        }
        // SAFETY: the rows behind the blocks.
        kept + unsafe { move_each::<8>(rows.add(blocks.len() * 32 * 8), to.add(kept * 8), rest) }
    }
}
