import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from "./block-quants";
import { decodeBF16, decodeF16, decodeF32 } from "./floats";
import { decodeQ4_K, decodeQ5_K, decodeQ6_K } from "./k-quants";

/** `count` numbers of a type, whole blocks, to float32; types by GGUF's numbers. */
export function decode(type: i32, from: usize, to: usize, count: i32): void {
  switch (type) {
    case 0:
      return decodeF32(from, to, count, 16);
    case 1:
      return decodeF16(from, to, count, 16);
    case 2:
      return decodeQ4_0(from, to, count);
    case 3:
      return decodeQ4_1(from, to, count);
    case 6:
      return decodeQ5_0(from, to, count);
    case 7:
      return decodeQ5_1(from, to, count);
    case 8:
      return decodeQ8_0(from, to, count);
    case 12:
      return decodeQ4_K(from, to, count);
    case 13:
      return decodeQ5_K(from, to, count);
    case 14:
      return decodeQ6_K(from, to, count);
    case 30:
      return decodeBF16(from, to, count, 16);
    default:
      unreachable();
  }
}
