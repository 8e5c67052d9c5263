import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError } from "../errors.ts";
import { readNpy, readNpyFloat32, writeNpy } from "./npy.ts";
import { readNpz, writeNpz } from "./npz.ts";
import { type AnyTensor, int64, tensor } from "./tensor.ts";

/** A file as NumPy writes it. */
function file(header: string, data: readonly number[], version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const length = version === 1 ? [text.length, 0] : [text.length, 0, 0, 0];
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...length,
    ...text,
    ...data,
  ]);
}

function failureOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("writeNpy", () => {
  it("writes NumPy's header, padded to 64 bytes", () => {
    const bytes = writeNpy(tensor([1, 2], [2]));
    expect(bytes.length).toBe(128 + 8);
    const text = new TextDecoder("latin1").decode(bytes.subarray(0, 128));
    expect(text.slice(1, 6)).toBe("NUMPY");
    expect(text.slice(10)).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2,\), \} +\n$/);
    expect([...bytes.subarray(128)]).toEqual([0, 0, 128, 63, 0, 0, 0, 64]);
  });

  it("gives back what it was given, for every type and shape", () => {
    const arrays: AnyTensor[] = [
      { type: "float64", dims: [1, 2], data: Float64Array.from([0.1, -1e300]) },
      { type: "float16", dims: [2], data: Uint16Array.from([0x3c00, 0xfc00]) },
      { type: "int8", dims: [1], data: Int8Array.from([-128]) },
      { type: "uint8", dims: [1], data: Uint8Array.from([255]) },
      { type: "int16", dims: [1], data: Int16Array.from([-2]) },
      { type: "uint16", dims: [1], data: Uint16Array.from([65535]) },
      { type: "int32", dims: [1, 1], data: Int32Array.from([-5]) },
      { type: "uint32", dims: [1], data: Uint32Array.from([4e9]) },
      int64([-(2 ** 52)]),
      { type: "uint64", dims: [1], data: BigUint64Array.from([2n ** 64n - 1n]) },
      { type: "bool", dims: [3], data: Uint8Array.from([1, 0, 1]) },
      tensor([7], []),
      tensor([], [0, 3]),
    ];
    for (const array of arrays) expect(readNpy(writeNpy(array))).toEqual(array);
  });

  it("gives back random float arrays bit for bit", () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 60 }), (data) => {
        expect(readNpy(writeNpy({ type: "float32", dims: [data.length], data })).data).toEqual(data);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it("refuses types that NumPy lacks", () => {
    expect(() => writeNpy({ type: "bfloat16", dims: [1], data: Uint16Array.from([0]) })).toThrow(/bfloat16/);
    expect(() => writeNpy({ type: "string", dims: [1], data: ["a"] })).toThrow(DataError);
  });
});

describe("readNpy", () => {
  it("reads big-endian data", () => {
    const bytes = file("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", [63, 128, 0, 0]);
    expect([...readNpy(bytes).data]).toEqual([1]);
  });

  it("turns Fortran order into C order", () => {
    // [[1, 2, 3], [4, 5, 6]] stored by columns.
    const bytes = file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", [1, 4, 2, 5, 3, 6]);
    expect(readNpy(bytes)).toEqual({
      type: "uint8",
      dims: [2, 3],
      data: Uint8Array.from([1, 2, 3, 4, 5, 6]),
    });
  });

  it("reads format 2 and any order of header keys", () => {
    const bytes = file('{"shape": (2L,), "fortran_order": False, "descr": "|b1"}', [1, 0], 2);
    expect(readNpy(bytes)).toEqual({ type: "bool", dims: [2], data: Uint8Array.from([1, 0]) });
  });

  it("reads bytes that do not start at an aligned place", () => {
    const bytes = writeNpy(tensor([1.5, 2.5], [2]));
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect([...readNpy(shifted.subarray(1)).data]).toEqual([1.5, 2.5]);
  });

  it("names the file and what is wrong with it", () => {
    const good = writeNpy(tensor([1, 2], [2]));
    expect(() => readNpy(new TextEncoder().encode("hello, world"), "m.npy")).toThrow(
      /m\.npy: expected a \.npy file/,
    );
    expect(() => readNpy(good.subarray(0, good.length - 1), "m.npy")).toThrow(
      /needs 8 bytes, the file has 7/,
    );
    expect(() => readNpy(good.subarray(0, 40))).toThrow(/header is damaged/);
    expect(() => readNpy(file("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", [0]))).toThrow(
      /element type '\|O'/,
    );
    expect(() =>
      readNpy(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", [0])),
    ).toThrow(/Structured/);
    expect(() =>
      readNpy(file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 9999999999), }", [])),
    ).toThrow(DataError);
  });

  it("never fails otherwise on damaged bytes", () => {
    const good = writeNpy(tensor([1, 2, 3, 4], [2, 2]));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (position, value, length) => {
        const bytes = good.slice(0, length);
        if (position < length) bytes[position] = value;
        expect(failureOf(() => readNpy(bytes)) ?? new DataError()).toBeInstanceOf(DataError);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe("readNpyFloat32", () => {
  it("converts halves, doubles, integers and booleans", () => {
    const half = {
      type: "float16",
      dims: [4],
      data: Uint16Array.from([0x3555, 0x8001, 0x7c00, 0xc500]),
    } as const;
    const [third, tiny, infinite, minusFive] = readNpyFloat32(writeNpy(half)).data;
    expect(third).toBeCloseTo(1 / 3, 3);
    expect([tiny, infinite, minusFive]).toEqual([-(2 ** -24), Infinity, -5]);
    expect([...readNpyFloat32(writeNpy(int64([3, -4]))).data]).toEqual([3, -4]);
    expect([
      ...readNpyFloat32(writeNpy({ type: "bool", dims: [2], data: Uint8Array.from([1, 0]) })).data,
    ]).toEqual([1, 0]);
  });
});

describe("bytes that Node reads from a file", () => {
  it("are a Buffer, whose slices are views, and give the same array", () => {
    const array = tensor([1, 2, 3, 4], [2, 2]);
    expect(readNpy(Buffer.from(writeNpy(array)))).toEqual(array);
  });
});

describe("npz", () => {
  const arrays = { map: tensor([1, 2, 3, 4], [2, 2]), labels: int64([5]) };

  it("gives back what it was given", () => {
    expect(readNpz(writeNpz(arrays))).toEqual(arrays);
  });

  it("writes the same bytes for the same arrays", () => {
    expect(writeNpz(arrays)).toEqual(writeNpz(arrays));
  });

  it("refuses other files and archives that are too large", () => {
    expect(() => readNpz(new Uint8Array(100), "a.npz")).toThrow(/a\.npz: expected a \.npz archive/);
    expect(() => readNpz(writeNpz(arrays), "a.npz", 64)).toThrow(/at most 64 bytes/);
  });
});
