//! Bytes come from a network in pieces of any size, and what is read must not depend on the sizes.

/// Cuts bytes into pieces. `seed` chooses the sizes: mostly small ones, and for 0 one byte at a time.
pub(crate) fn pieces(seed: u8, mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut state = u32::from(seed);
    while !bytes.is_empty() {
        // A linear congruential generator; its upper bits are the random ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = if seed == 0 { 1 } else { 1_usize << ((state >> 24) % 10) };
        let (piece, rest) = bytes.split_at(size.min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
