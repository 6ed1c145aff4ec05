//! Graphs of blocks: reverse postorder, predecessors, dominators and natural loops, for whoever numbers the blocks of
//! something.
//!
//! The bytecode of a function has such a graph ([`super::flow`], `analysis/cfg.rs`), and so has a region of native code
//! (`jit/opt/cfg.rs`). They keep blocks of their own; what follows from edges alone is found here.
//!
//! Everything takes linear time but for dominators, which take a few rounds over the edges: two, where each cycle has
//! one entry.

use std::fmt::Debug;
use std::marker::PhantomData;

/// The number of a block.
pub trait Node: Copy + Eq + Debug {
    fn new(index: usize) -> Self;
    fn index(self) -> usize;
}

impl Node for u32 {
    fn new(index: usize) -> Self {
        index as u32
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// Blocks, numbered from 0, and where each leads. Control enters at the first.
pub trait Graph {
    type Node: Node;

    /// How many blocks there are.
    fn len(&self) -> usize;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a block leads; a block twice if two edges lead there.
    fn successors(&self, node: Self::Node) -> impl Iterator<Item = Self::Node>;
}

/// The blocks that can be reached, each before its successors but for back edges. Of two successors the later comes
/// first.
pub fn reverse_postorder<G: Graph>(graph: &G) -> Vec<G::Node> {
    let mut order = Vec::with_capacity(graph.len());
    if graph.is_empty() {
        return order;
    }
    let entry = G::Node::new(0);
    let mut seen = vec![false; graph.len()];
    seen[0] = true;
    let mut stack = vec![(entry, graph.successors(entry))];
    while let Some((node, successors)) = stack.last_mut() {
        match successors.next() {
            Some(next) => {
                if !std::mem::replace(&mut seen[next.index()], true) {
                    stack.push((next, graph.successors(next)));
                }
            }
            None => {
                order.push(*node);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

/// A list of blocks for each block, one after another in memory: 50,000 blocks cost two allocations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adjacency<N> {
    /// Where the list of each block ends.
    ends: Vec<u32>,
    nodes: Vec<N>,
}

impl<N> Default for Adjacency<N> {
    fn default() -> Self {
        Adjacency { ends: Vec::new(), nodes: Vec::new() }
    }
}

impl<N: Node> Adjacency<N> {
    /// Adds the list of the next block.
    pub fn push(&mut self, list: impl IntoIterator<Item = N>) {
        self.nodes.extend(list);
        self.ends.push(self.nodes.len() as u32);
    }

    /// For each block, from where edges lead to it: an entry an edge. Only edges of the blocks `from` count, and lists
    /// are in their order.
    pub fn predecessors<G: Graph<Node = N>>(graph: &G, from: impl Iterator<Item = N> + Clone) -> Adjacency<N> {
        let mut ends = vec![0u32; graph.len()];
        for node in from.clone() {
            graph.successors(node).for_each(|next| ends[next.index()] += 1);
        }
        let mut total = 0;
        for end in &mut ends {
            // Where the list starts for now; adding to it moves that to its end.
            total += std::mem::replace(end, total);
        }
        let mut nodes = vec![N::new(0); total as usize];
        for node in from {
            for next in graph.successors(node) {
                let end = &mut ends[next.index()];
                nodes[*end as usize] = node;
                *end += 1;
            }
        }
        Adjacency { ends, nodes }
    }

    /// The list of a block.
    pub fn of(&self, node: N) -> &[N] {
        let start = node.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.nodes[start as usize..self.ends[node.index()] as usize]
    }
}

/// The place of each block in an order.
#[derive(Clone, Debug)]
pub struct Places<N>(Vec<u32>, PhantomData<N>);

impl<N: Node> Places<N> {
    /// The places in an order of some of `count` blocks.
    pub fn of(order: &[N], count: usize) -> Places<N> {
        let mut places = vec![u32::MAX; count];
        for (place, node) in order.iter().enumerate() {
            places[node.index()] = place as u32;
        }
        Places(places, PhantomData)
    }

    pub fn get(&self, node: N) -> Option<usize> {
        let place = self.0[node.index()];
        (place != u32::MAX).then_some(place as usize)
    }

    /// Whether the first block comes before the second; those that are not in the order come last.
    pub fn is_before(&self, a: N, b: N) -> bool {
        self.0[a.index()] < self.0[b.index()]
    }
}

/// The dominator tree of the blocks of an order, by the algorithm of Cooper, Harvey and Kennedy ("A Simple, Fast
/// Dominance Algorithm", 2001).
///
/// A block to which no block before it leads is a root; in a reverse postorder the entry is the only one.
#[derive(Clone, Debug)]
pub struct Dominators<N> {
    order: Vec<N>,
    places: Places<N>,
    /// By place, the place of the immediate dominator counted from 1; 0 for roots and for what has several of them
    /// above.
    parents: Vec<u32>,
    /// By block, its number in a preorder walk of the tree, and that of the first block behind those it dominates.
    subtrees: Vec<(u32, u32)>,
}

impl<N: Node> Dominators<N> {
    /// The dominators of the blocks of `order`, in which each comes before its successors but for back edges.
    pub fn new(order: &[N], predecessors: &Adjacency<N>) -> Dominators<N> {
        let places = Places::of(order, predecessors.ends.len());
        // Counted from 1, so that 0 is above all roots.
        let mut parents = vec![0u32; order.len() + 1];
        let mut has_back_edges = false;
        let mut is_first_round = true;
        loop {
            let mut has_changed = false;
            for (node, own) in order.iter().zip(1u32..) {
                if !is_first_round && parents[own as usize] == 0 {
                    continue;
                }
                let mut parent = None;
                for place in predecessors.of(*node).iter().filter_map(|&node| places.get(node)) {
                    let place = place as u32 + 1;
                    if is_first_round && place >= own {
                        has_back_edges = true;
                        continue;
                    }
                    parent = Some(parent.map_or(place, |known| common_ancestor(&parents, known, place)));
                }
                let parent = parent.unwrap_or(0);
                has_changed |= std::mem::replace(&mut parents[own as usize], parent) != parent;
            }
            if !has_changed || !has_back_edges {
                break;
            }
            is_first_round = false;
        }
        parents.remove(0);
        let subtrees = subtrees(order, &parents, predecessors.ends.len());
        Dominators { order: order.to_vec(), places, parents, subtrees }
    }

    /// The places in the order.
    pub fn places(&self) -> &Places<N> {
        &self.places
    }

    /// The immediate dominator; `None` for roots and for blocks that are not in the order.
    pub fn immediate(&self, node: N) -> Option<N> {
        let parent = self.parents[self.places.get(node)?].checked_sub(1)?;
        Some(self.order[parent as usize])
    }

    /// Whether every path to `b` leads through `a`; false if `b` cannot be reached.
    pub fn dominates(&self, a: N, b: N) -> bool {
        let ((start, end), (number, _)) = (self.subtrees[a.index()], self.subtrees[b.index()]);
        number != u32::MAX && start <= number && number < end
    }

    /// The last block on all paths to both, which must have the same root.
    pub fn common(&self, mut a: N, mut b: N) -> N {
        while a != b {
            let later = if self.places.is_before(a, b) { &mut b } else { &mut a };
            match self.immediate(*later) {
                Some(parent) => *later = parent,
                None => return *later,
            }
        }
        a
    }
}

/// The last place above both, or one of them.
fn common_ancestor(parents: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        if a > b {
            a = parents[a as usize];
        } else {
            b = parents[b as usize];
        }
    }
    a
}

/// Sizes of subtrees bottom up, then numbers top down: a dominator comes before what it dominates.
fn subtrees<N: Node>(order: &[N], parents: &[u32], count: usize) -> Vec<(u32, u32)> {
    // Counted from 1 as well: 0 is for what is above the roots.
    let mut sizes = vec![1u32; order.len() + 1];
    for (own, &parent) in parents.iter().enumerate().rev() {
        sizes[parent as usize] += sizes[own + 1];
    }
    let mut next = vec![0u32; order.len() + 1];
    let mut subtrees = vec![(u32::MAX, u32::MAX); count];
    for (own, (node, &parent)) in order.iter().zip(parents).enumerate() {
        let size = sizes[own + 1];
        let start = next[parent as usize];
        next[parent as usize] += size;
        next[own + 1] = start + 1;
        subtrees[node.index()] = (start, start + size);
    }
    subtrees
}

/// A cycle that is entered at its header only.
#[derive(Debug)]
pub struct NaturalLoop<N> {
    pub header: N,
    /// The blocks with an edge back to the header, once for each edge.
    pub latches: Vec<N>,
    /// All blocks in the order, those of inner loops included; the header is the first.
    pub nodes: Vec<N>,
    /// The loop around this one, an index into [`Loops::natural`].
    pub parent: Option<usize>,
}

/// The loops of a graph.
#[derive(Debug)]
pub struct Loops<N> {
    /// Loops after those around them.
    pub natural: Vec<NaturalLoop<N>>,
    /// Edges that lead back to a block that does not dominate where they come from: no structured program has any.
    pub irreducible: Vec<(N, N)>,
    /// By block, the innermost loop it stands in, an index into `natural`.
    pub innermost: Vec<Option<usize>>,
}

impl<N: Node> Loops<N> {
    pub fn find(predecessors: &Adjacency<N>, dominators: &Dominators<N>) -> Loops<N> {
        let places = dominators.places();
        let count = predecessors.ends.len();
        let mut loops = Loops { natural: Vec::new(), irreducible: Vec::new(), innermost: vec![None; count] };
        // By block, the last loop whose body was found to hold it.
        let mut body_of = vec![usize::MAX; count];
        for &header in &dominators.order {
            let leads_back = |from: &N| places.get(*from).is_some() && !places.is_before(*from, header);
            let (latches, others): (Vec<N>, Vec<N>) = (predecessors.of(header).iter().copied())
                .filter(leads_back)
                .partition(|&latch| dominators.dominates(header, latch));
            loops.irreducible.extend(others.into_iter().map(|from| (from, header)));
            if latches.is_empty() {
                continue;
            }
            let index = loops.natural.len();
            body_of[header.index()] = index;
            let mut nodes = vec![header];
            let mut pending = latches.clone();
            while let Some(node) = pending.pop() {
                if places.get(node).is_some() && std::mem::replace(&mut body_of[node.index()], index) != index {
                    nodes.push(node);
                    pending.extend_from_slice(predecessors.of(node));
                }
            }
            nodes.sort_unstable_by_key(|&node| places.get(node));
            // Headers come in order, so a loop is found after those around it.
            let parent = loops.innermost[header.index()];
            nodes.iter().for_each(|node| loops.innermost[node.index()] = Some(index));
            loops.natural.push(NaturalLoop { header, latches, nodes, parent });
        }
        loops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Edges(Vec<Vec<u32>>);

    impl Graph for Edges {
        type Node = u32;

        fn len(&self) -> usize {
            self.0.len()
        }

        fn successors(&self, node: u32) -> impl Iterator<Item = u32> {
            self.0[node.index()].iter().copied()
        }
    }

    /// The graph of these edges, with its order, dominators and loops.
    fn graph(edges: &[&[u32]]) -> (Vec<u32>, Dominators<u32>, Loops<u32>) {
        let graph = Edges(edges.iter().map(|to| to.to_vec()).collect());
        let order = reverse_postorder(&graph);
        let predecessors = Adjacency::predecessors(&graph, 0..graph.len() as u32);
        let dominators = Dominators::new(&order, &predecessors);
        let loops = Loops::find(&predecessors, &dominators);
        (order, dominators, loops)
    }

    #[test]
    fn a_join_is_dominated_by_the_fork_alone() {
        let (order, dominators, loops) = graph(&[&[1, 2], &[3], &[3], &[]]);
        assert_eq!(order, [0, 2, 1, 3], "of two successors the later comes first");
        assert_eq!([1, 2, 3].map(|node| dominators.immediate(node)), [Some(0); 3]);
        assert!(dominators.dominates(0, 3) && !dominators.dominates(1, 3) && !dominators.dominates(2, 3));
        assert!(dominators.dominates(3, 3) && dominators.immediate(0).is_none());
        assert_eq!((dominators.common(1, 2), dominators.common(3, 3)), (0, 3));
        assert!(loops.natural.is_empty() && loops.irreducible.is_empty());
    }

    #[test]
    fn loops_nest() {
        // 1 is the header of 1 2 3 4, 2 of 2 3.
        let (_, dominators, loops) = graph(&[&[1], &[2, 5], &[3], &[2, 4], &[1], &[]]);
        let [outer, inner] = &loops.natural[..] else { panic!("{loops:?}") };
        assert_eq!((outer.header, &outer.nodes[..], &outer.latches[..]), (1, &[1, 2, 3, 4][..], &[4][..]));
        assert_eq!((inner.header, &inner.nodes[..], inner.parent), (2, &[2, 3][..], Some(0)));
        assert_eq!(loops.innermost, [None, Some(0), Some(1), Some(1), Some(0), None]);
        assert!(dominators.dominates(1, 5) && !dominators.dominates(2, 5));
    }

    #[test]
    fn a_cycle_with_two_entries_is_no_natural_loop() {
        let (_, dominators, loops) = graph(&[&[1, 2], &[2], &[1]]);
        assert!(loops.natural.is_empty());
        assert_eq!(loops.irreducible.len(), 1);
        assert!(!dominators.dominates(1, 2) && !dominators.dominates(2, 1));
    }

    #[test]
    fn what_cannot_be_reached_dominates_nothing_and_is_in_no_loop() {
        // 2 leads into the loop of 1, and from nowhere.
        let (order, dominators, loops) = graph(&[&[1], &[1], &[1]]);
        assert_eq!(order, [0, 1]);
        assert!(!dominators.dominates(0, 2) && !dominators.dominates(2, 1) && !dominators.dominates(2, 2));
        assert_eq!((dominators.immediate(2), dominators.immediate(1)), (None, Some(0)));
        assert_eq!(loops.natural[0].nodes, [1]);
    }

    #[test]
    fn an_order_may_have_several_roots() {
        let graph = Edges(vec![vec![2], vec![2], vec![3], vec![2]]);
        let order = [0, 1, 2, 3];
        let dominators = Dominators::new(&order, &Adjacency::predecessors(&graph, order.into_iter()));
        assert_eq!([0, 1, 2, 3].map(|node| dominators.immediate(node)), [None, None, None, Some(2)]);
        assert!(dominators.dominates(1, 1) && !dominators.dominates(0, 1) && dominators.dominates(2, 3));
    }

    #[test]
    fn dominators_agree_with_their_definition() {
        // Random graphs of up to nine blocks; `a` dominates `b` if `b` cannot be reached without `a`.
        let mut state = 1u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..500 {
            let count = 2 + random(8);
            let edges: Vec<Vec<u32>> =
                (0..count).map(|_| (0..random(4)).map(|_| random(count) as u32).collect()).collect();
            let lists: Vec<&[u32]> = edges.iter().map(|to| &to[..]).collect();
            let (order, dominators, _) = graph(&lists);
            for a in 0..count as u32 {
                let mut reached = vec![false; count as usize];
                let mut pending = vec![0u32];
                while let Some(node) = pending.pop() {
                    if node != a && !std::mem::replace(&mut reached[node.index()], true) {
                        pending.extend(&edges[node.index()]);
                    }
                }
                for &b in &order {
                    assert_eq!(dominators.dominates(a, b), order.contains(&a) && !reached[b.index()], "{edges:?}");
                }
            }
        }
    }
}
