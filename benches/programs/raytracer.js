class Vec {
  constructor(x, y, z) {
    this.x = x;
    this.y = y;
    this.z = z;
  }

  add(o) {
    return new Vec(this.x + o.x, this.y + o.y, this.z + o.z);
  }

  sub(o) {
    return new Vec(this.x - o.x, this.y - o.y, this.z - o.z);
  }

  scale(k) {
    return new Vec(this.x * k, this.y * k, this.z * k);
  }

  dot(o) {
    return this.x * o.x + this.y * o.y + this.z * o.z;
  }

  unit() {
    return this.scale(1 / Math.sqrt(this.dot(this)));
  }
}

class Ray {
  constructor(origin, direction) {
    this.origin = origin;
    this.direction = direction;
  }

  at(t) {
    return this.origin.add(this.direction.scale(t));
  }
}

class Sphere {
  constructor(center, radius, color, shine) {
    this.center = center;
    this.radius = radius;
    this.color = color;
    this.shine = shine;
  }

  hit(ray) {
    const to = ray.origin.sub(this.center);
    const b = to.dot(ray.direction);
    const d = b * b - to.dot(to) + this.radius * this.radius;
    if (d < 0) return null;
    const t = -b - Math.sqrt(d);
    return t > 0.001 ? t : null;
  }

  normal(point) {
    return point.sub(this.center).unit();
  }

  colorAt(point) {
    return this.color;
  }
}

class Floor {
  constructor(height) {
    this.height = height;
    this.shine = 0.1;
  }

  hit(ray) {
    if (ray.direction.y > -0.001) return null;
    const t = (this.height - ray.origin.y) / ray.direction.y;
    return t > 0.001 ? t : null;
  }

  normal(point) {
    return new Vec(0, 1, 0);
  }

  colorAt(point) {
    const dark = (Math.floor(point.x) + Math.floor(point.z)) % 2 === 0;
    return dark ? new Vec(0.2, 0.2, 0.2) : new Vec(0.9, 0.9, 0.9);
  }
}

class Scene {
  constructor(things, light) {
    this.things = things;
    this.light = light;
  }

  nearest(ray) {
    let best = null;
    let distance = 1000000;
    for (const thing of this.things) {
      const t = thing.hit(ray);
      if (t !== null && t < distance) {
        distance = t;
        best = thing;
      }
    }
    return [best, distance];
  }

  trace(ray, depth) {
    const [thing, distance] = this.nearest(ray);
    if (thing === null) return new Vec(0.3, 0.5, 0.8).scale(0.5 + 0.5 * ray.direction.y);
    const point = ray.at(distance);
    const normal = thing.normal(point);
    const toLight = this.light.sub(point).unit();
    let bright = 0.1;
    const [shade] = this.nearest(new Ray(point, toLight));
    if (shade === null) bright += 0.9 * Math.max(normal.dot(toLight), 0);
    const color = thing.colorAt(point).scale(bright);
    if (depth === 0 || thing.shine === 0) return color;
    const bounced = ray.direction.sub(normal.scale(2 * normal.dot(ray.direction)));
    return color.scale(1 - thing.shine).add(this.trace(new Ray(point, bounced), depth - 1).scale(thing.shine));
  }
}

const things = [new Floor(-1)];
for (let i = 0; i < 6; i++) {
  const color = new Vec(0.3 + i * 0.1, 0.9 - i * 0.1, 0.5);
  things.push(new Sphere(new Vec(i * 1.5 - 3.75, (i % 2) * 0.8 - 0.5, 6 - (i % 3)), 0.7, color, (i % 3) * 0.25));
}
const scene = new Scene(things, new Vec(-5, 8, -3));
const width = 240;
const height = 160;
let sum = 0;
for (let y = 0; y < height; y++) {
  for (let x = 0; x < width; x++) {
    const direction = new Vec((x - width / 2) / 120, (height / 2 - y) / 120, 1).unit();
    const color = scene.trace(new Ray(new Vec(0, 0.5, -2), direction), 3);
    sum = (sum * 31 + Math.floor((color.x + color.y + color.z) * 85)) % 1000003;
  }
}
console.log(sum);
