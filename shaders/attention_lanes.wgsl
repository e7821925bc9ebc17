// Continued in attention_rows.wgsl, with lanes.wgsl for products.wgsl.
//
// Blocks of scores whose rows eight lanes of a subgroup load together: each of them an eighth, which the subgroup
// passes around.

// q . k for 32 keys, of which this lane's `share` is four, and a tile of four queries as columns.
fn scores(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_eighth(load_k(share_at));
        if busy {
            let own = transpose(load_q(own_at));
            c.r0 = product(c.r0, others.r0, own);
            c.r4 = product(c.r4, others.r4, own);
            c.r8 = product(c.r8, others.r8, own);
            c.r12 = product(c.r12, others.r12, own);
            c.r16 = product(c.r16, others.r16, own);
            c.r20 = product(c.r20, others.r20, own);
            c.r24 = product(c.r24, others.r24, own);
            c.r28 = product(c.r28, others.r28, own);
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// d_o . v likewise: the gradient by p.
fn slopes(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_eighth(load_v(share_at));
        if busy {
            let own = transpose(load_d_o(own_at));
            c.r0 = product(c.r0, others.r0, own);
            c.r4 = product(c.r4, others.r4, own);
            c.r8 = product(c.r8, others.r8, own);
            c.r12 = product(c.r12, others.r12, own);
            c.r16 = product(c.r16, others.r16, own);
            c.r20 = product(c.r20, others.r20, own);
            c.r24 = product(c.r24, others.r24, own);
            c.r28 = product(c.r28, others.r28, own);
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// q . k for a tile of four keys, and 32 queries as columns, of which this lane's `share` is four.
fn turned_scores(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_eighth(load_q(share_at));
        if busy {
            let own = load_k(own_at);
            c.r0 = product(c.r0, own, transpose(others.r0));
            c.r4 = product(c.r4, own, transpose(others.r4));
            c.r8 = product(c.r8, own, transpose(others.r8));
            c.r12 = product(c.r12, own, transpose(others.r12));
            c.r16 = product(c.r16, own, transpose(others.r16));
            c.r20 = product(c.r20, own, transpose(others.r20));
            c.r24 = product(c.r24, own, transpose(others.r24));
            c.r28 = product(c.r28, own, transpose(others.r28));
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}

// d_o . v likewise.
fn turned_slopes(own_row: vec4<u32>, share: vec4<u32>, busy: bool) -> Block {
    var own_at = own_row;
    var share_at = share;
    var c = Block();
    for (var step = 0u; step < steps(); step++) {
        let others = every_eighth(load_d_o(share_at));
        if busy {
            let own = load_v(own_at);
            c.r0 = product(c.r0, own, transpose(others.r0));
            c.r4 = product(c.r4, own, transpose(others.r4));
            c.r8 = product(c.r8, own, transpose(others.r8));
            c.r12 = product(c.r12, own, transpose(others.r12));
            c.r16 = product(c.r16, own, transpose(others.r16));
            c.r20 = product(c.r20, own, transpose(others.r20));
            c.r24 = product(c.r24, own, transpose(others.r24));
            c.r28 = product(c.r28, own, transpose(others.r28));
        }
        own_at += 1u;
        share_at += 1u;
    }
    return c;
}
