class Edge {
  constructor(to, weight) {
    this.to = to;
    this.weight = weight;
  }
}

class Node {
  constructor(id) {
    this.id = id;
    this.edges = [];
    this.distance = -1;
    this.component = -1;
    this.rank = 1;
    this.incoming = 0;
  }
}

class Entry {
  constructor(distance, node) {
    this.distance = distance;
    this.node = node;
  }
}

class Heap {
  constructor() {
    this.items = [];
  }

  push(entry) {
    const items = this.items;
    let i = items.length;
    items.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (items[parent].distance <= entry.distance) break;
      items[i] = items[parent];
      i = parent;
    }
    items[i] = entry;
  }

  pop() {
    const items = this.items;
    const top = items[0];
    const last = items.pop();
    const n = items.length;
    if (n === 0) return top;
    let i = 0;
    while (2 * i + 1 < n) {
      let child = 2 * i + 1;
      if (child + 1 < n && items[child + 1].distance < items[child].distance) child++;
      if (last.distance <= items[child].distance) break;
      items[i] = items[child];
      i = child;
    }
    items[i] = last;
    return top;
  }
}

function make(n, degree) {
  const nodes = [];
  for (let i = 0; i < n; i++) nodes.push(new Node(i));
  let seed = 5;
  for (const node of nodes) {
    for (let k = 0; k < degree; k++) {
      seed = (seed * 16807) % 2147483647;
      const other = nodes[seed % n];
      if (other.id % 50 === node.id % 50) {
        const weight = (Math.floor(seed / 1000) % 100) + 1;
        node.edges.push(new Edge(other, weight));
        other.edges.push(new Edge(node, weight));
      }
    }
    const next = nodes[(node.id + 50) % n];
    node.edges.push(new Edge(next, 60));
    next.edges.push(new Edge(node, 60));
  }
  return nodes;
}

function shortest(nodes, source) {
  for (const node of nodes) node.distance = -1;
  const heap = new Heap();
  heap.push(new Entry(0, source));
  let sum = 0;
  while (heap.items.length > 0) {
    const { distance, node } = heap.pop();
    if (node.distance >= 0) continue;
    node.distance = distance;
    sum += distance;
    for (const edge of node.edges) {
      if (edge.to.distance < 0) heap.push(new Entry(distance + edge.weight, edge.to));
    }
  }
  return sum;
}

function components(nodes) {
  let count = 0;
  for (const start of nodes) {
    if (start.component >= 0) continue;
    const stack = [start];
    start.component = count;
    while (stack.length > 0) {
      const node = stack.pop();
      for (const edge of node.edges) {
        if (edge.to.component < 0) {
          edge.to.component = count;
          stack.push(edge.to);
        }
      }
    }
    count++;
  }
  return count;
}

function ranks(nodes, rounds) {
  for (let round = 0; round < rounds; round++) {
    for (const node of nodes) {
      const share = node.rank / node.edges.length;
      for (const edge of node.edges) edge.to.incoming += share;
    }
    for (const node of nodes) {
      node.rank = 0.15 + 0.85 * node.incoming;
      node.incoming = 0;
    }
  }
  let best = nodes[0];
  for (const node of nodes) {
    if (node.rank > best.rank) best = node;
  }
  return best.id;
}

const nodes = make(50000, 8);
console.log(`components: ${components(nodes)}`);
for (let source = 0; source < 50; source++) console.log(`from ${source}: ${shortest(nodes, nodes[source])}`);
console.log(`highest rank: ${ranks(nodes, 20)}`);
