// Maps of windows, part 2 of 4: points on a canvas, by WebGL where there is one.
const SHAPES = ["circle", "square", "diamond", "triangle"];

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
in float shape;
uniform vec2 scale;
uniform vec2 shift;
uniform float size;
out vec4 tint;
flat out int form;
void main() {
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  gl_PointSize = size;
  tint = colour;
  form = int(shape + 0.5);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 tint;
flat in int form;
uniform float size;
out vec4 pixel;
void main() {
  vec2 at = 2.0 * gl_PointCoord - 1.0;
  float reach = length(at);
  if (form == 1) { reach = 1.13 * max(abs(at.x), abs(at.y)); }
  if (form == 2) { reach = abs(at.x) + abs(at.y); }
  if (form == 3) { reach = max(at.y, 2.0 * abs(at.x) - at.y); }
  float alpha = tint.a * (1.0 - smoothstep(1.0 - 2.0 / size, 1.0, reach));
  pixel = vec4(tint.rgb * alpha, alpha);
}`;

// One WebGL context draws for all maps of the page, since browsers allow few; canvases show copies of what it drew.
class GpuPainter {
  constructor() {
    this.canvas = document.createElement("canvas");
    const gl = this.canvas.getContext("webgl2", { alpha: true, antialias: false, premultipliedAlpha: true });
    this.gl = gl;
    if (!gl) {
      return;
    }
    this.canvas.addEventListener("webglcontextlost", () => (this.gl = null));
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      this.gl = null;
      return;
    }
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.attributes = ["place", "colour", "shape"].map((name) => gl.getAttribLocation(program, name));
    this.attributes.forEach((place) => gl.enableVertexAttribArray(place));
    this.uniforms = Object.fromEntries(
      ["scale", "shift", "size"].map((name) => [name, gl.getUniformLocation(program, name)]),
    );
    this.buffers = new WeakMap();
  }

  // the buffer of an array, filled when the array is new
  buffer(target, array) {
    const gl = this.gl;
    let buffer = this.buffers.get(array);
    if (!buffer) {
      buffer = gl.createBuffer();
      this.buffers.set(array, buffer);
      gl.bindBuffer(target, buffer);
      gl.bufferData(target, array, gl.STATIC_DRAW);
    } else {
      gl.bindBuffer(target, buffer);
    }
    return buffer;
  }

  // frees the buffer of an array that will not be drawn again
  forget(array) {
    if (this.gl && this.buffers.has(array)) {
      this.gl.deleteBuffer(this.buffers.get(array));
      this.buffers.delete(array);
    }
  }

  // see `paint`
  draw(target, points, view, size) {
    const gl = this.gl;
    this.canvas.width = target.width;
    this.canvas.height = target.height;
    gl.viewport(0, 0, target.width, target.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const [place, colour, shape] = this.attributes;
    this.buffer(gl.ARRAY_BUFFER, points.places);
    gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
    this.buffer(gl.ARRAY_BUFFER, points.colours);
    gl.vertexAttribPointer(colour, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    this.buffer(gl.ARRAY_BUFFER, points.shapes);
    gl.vertexAttribPointer(shape, 1, gl.UNSIGNED_BYTE, false, 0, 0);
    this.buffer(gl.ELEMENT_ARRAY_BUFFER, points.order);
    const [x, y] = [(2 * view.scale) / target.width, (2 * view.scale) / target.height];
    gl.uniform2f(this.uniforms.scale, x, y);
    gl.uniform2f(this.uniforms.shift, -view.x * x, -view.y * y);
    gl.uniform1f(this.uniforms.size, size);
    gl.drawElements(gl.POINTS, points.order.length, gl.UNSIGNED_INT, 0);
    target.getContext("2d").drawImage(this.canvas, 0, 0);
  }
}

// The same without WebGL. Slower, and every point is a square.
function drawPlain(target, points, view, size) {
  const context = target.getContext("2d");
  let last = -1;
  for (const row of points.order) {
    const x = target.width / 2 + (points.places[2 * row] - view.x) * view.scale;
    const y = target.height / 2 - (points.places[2 * row + 1] - view.y) * view.scale;
    if (x < -size || y < -size || x > target.width + size || y > target.height + size) {
      continue;
    }
    const [red, green, blue, alpha] = points.colours.subarray(4 * row, 4 * row + 4);
    const key = ((red * 256 + green) * 256 + blue) * 256 + alpha;
    if (key !== last) {
      context.fillStyle = `rgba(${red},${green},${blue},${alpha / 255})`;
      last = key;
    }
    context.fillRect(x - size / 2, y - size / 2, size * 0.9, size * 0.9);
  }
}

let painter = null;

// Draws `points` ({places, colours, shapes, order}: two floats, four bytes and one byte a row, and the rows in the order
// in which they are drawn) on a canvas. `view` is {x, y, scale}: what lies in the middle, and pixels a unit.
function paint(target, points, view, size) {
  painter = painter || new GpuPainter();
  target.getContext("2d").clearRect(0, 0, target.width, target.height);
  if (painter.gl) {
    painter.draw(target, points, view, size);
  }
  // a context that was lost while it drew leaves the canvas empty
  if (!painter.gl || painter.gl.isContextLost()) {
    drawPlain(target, points, view, size);
  }
}

function forget(array) {
  if (painter && array) {
    painter.forget(array);
  }
}
