// A small assembler for WebAssembly: expressions are nested arrays of bytes, a function is a list of them, a module is bytes.
// Only what the packet kernel needs. Encoding: WebAssembly core specification 2.0, chapter 5.

export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;

function unsigned(value) {
  const out = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
  out.push(value);
  return out;
}

function signed(value) {
  const out = [];
  let rest = BigInt(value);
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (byte & 0x40) === 0) || (rest === -1n && (byte & 0x40) !== 0)) return [...out, byte];
    out.push(byte | 0x80);
  }
}

const unary =
  (...code) =>
  (a) => [a, code];
const binary =
  (...code) =>
  (a, b) => [a, b, code];
const simd = (code) => [0xfd, ...unsigned(code)];
const memory =
  (code, align) =>
  (address, offset = 0) => [address, code, align, unsigned(offset)];
const store =
  (code, align) =>
  (address, value, offset = 0) => [address, value, code, align, unsigned(offset)];
const shift = (code) => (a, by) => [a, i32.const(by), simd(code)];

export const i32 = {
  const: (value) => [0x41, signed(value | 0)],
  add: binary(0x6a),
  sub: binary(0x6b),
  and: binary(0x71),
  or: binary(0x72),
  xor: binary(0x73),
  shl: binary(0x74),
  shrU: binary(0x76),
  rotl: binary(0x77),
  eqz: unary(0x45),
  ltU: binary(0x49),
  geU: binary(0x4f),
  load: memory(0x28, 0),
  load8: memory(0x2d, 0),
  store: store(0x36, 0),
  store8: store(0x3a, 0),
};

export const i64 = {
  const: (value) => [0x42, signed(BigInt.asIntN(64, BigInt(value)))],
  mul: binary(0x7e),
  and: binary(0x83),
  or: binary(0x84),
  xor: binary(0x85),
  shl: binary(0x86),
  shrU: binary(0x88),
  load: memory(0x29, 0),
  store: store(0x37, 0),
};

export const v128 = {
  /** 16 bytes. */
  const: (bytes) => [simd(0x0c), [...bytes]],
  load: (address, offset = 0) => [address, simd(0x00), 0, unsigned(offset)],
  store: (address, value, offset = 0) => [address, value, simd(0x0b), 0, unsigned(offset)],
  /** A 32-bit word of memory in all four lanes. */
  loadSplat32: (address, offset = 0) => [address, simd(0x09), 0, unsigned(offset)],
  and: (a, b) => [a, b, simd(0x4e)],
  or: (a, b) => [a, b, simd(0x50)],
  xor: (a, b) => [a, b, simd(0x51)],
  /** Bytes 0-15 come from `a`, 16-31 from `b`. */
  shuffle: (a, b, lanes) => [a, b, simd(0x0d), [...lanes]],
  /** table[index] for each byte; 0 where index is above 15. */
  swizzle: (table, index) => [table, index, simd(0x0e)],
  splat32: (a) => [a, simd(0x11)],
  lane32: (a, lane) => [a, simd(0x1b), lane],
  withLane32: (a, lane, value) => [a, value, simd(0x1c), lane],
  lane64: (a, lane) => [a, simd(0x1d), lane],
  splat64: (a) => [a, simd(0x12)],
  withLane64: (a, lane, value) => [a, value, simd(0x1e), lane],
  shl32: shift(0xab),
  shr32: shift(0xad),
  shr16: shift(0x8d),
  add32: (a, b) => [a, b, simd(0xae)],
};

export const get = (index) => [0x20, unsigned(index)];
export const set = (index, value) => [value, 0x21, unsigned(index)];
export const call = (index, ...values) => [values, 0x10, unsigned(index)];
export const ret = (value) => [value, 0x0f];
/** Statements; `otherwise` may be left out. */
export const when = (condition, then, otherwise) =>
  otherwise === undefined ? [condition, 0x04, 0x40, then, 0x0b] : [condition, 0x04, 0x40, then, 0x05, otherwise, 0x0b];
export const doWhile = (body, condition) => [0x03, 0x40, body, condition, 0x0d, 0, 0x0b];
export const whileDo = (condition, body) => when(condition, doWhile(body, condition));

const vector = (items) => [unsigned(items.length), items];
const section = (id, content) => {
  const bytes = content.flat(Infinity);
  return [id, unsigned(bytes.length), bytes];
};

/** Collects functions and makes the module's bytes. */
export class Module {
  #functions = [];

  /**
   * Adds a function. `build` gets `{ params, local }`: indices of the parameters, and a way to declare a local of a type; it answers the
   * body. A name makes it an export. Answers the function's index, for {@link call}.
   */
  add(name, params, results, build) {
    const locals = [];
    const local = (type) => params.length + locals.push(type) - 1;
    const body = build({ params: params.map((_, i) => i), local });
    const declared = vector(locals.map((type) => [1, type]));
    this.#functions.push({ name, type: [0x60, vector(params), vector(results)], code: [declared, body, 0x0b] });
    return this.#functions.length - 1;
  }

  /** @param pages first size of the memory, which is exported as `memory` */
  bytes(pages) {
    const functions = this.#functions;
    const name = (text) => vector([...Buffer.from(text)]);
    const exports = functions.flatMap((one, i) => (one.name ? [[name(one.name), 0, unsigned(i)]] : []));
    const bodies = functions.map(({ code }) => {
      const bytes = code.flat(Infinity);
      return [unsigned(bytes.length), bytes];
    });
    return Uint8Array.from(
      [
        [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
        section(1, vector(functions.map((one) => one.type))),
        section(3, vector(functions.map((_, i) => unsigned(i)))),
        section(5, vector([[0, unsigned(pages)]])),
        section(7, vector([[name("memory"), 2, 0], ...exports])),
        section(10, vector(bodies)),
      ].flat(Infinity),
    );
  }
}
