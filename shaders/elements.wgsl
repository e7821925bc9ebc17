// Which element of a flat tensor an invocation takes, where workgroups have LANES of them.

override LANES: u32;

// The element of this invocation; two grid dimensions, because one ends at 65535 workgroups.
fn element(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
}
