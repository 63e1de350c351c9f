/** Numbers of the job of attending, from `details` on, and what they say of a token. K is the width of a head, a multiple of four. */
import { details } from "./layout";

export const queries: usize = details; // of the first token; turned
export const queryBytes: usize = details + 4; // from one token to the next
export const mixtures: usize = details + 8; // where results go, a token after the other
export const mixtureBytes: usize = details + 12;
const tokens: usize = details + 16; // of each: tokens that it attends to, and the address of its row's table of pages
const units: usize = details + 20; // of each: its first token, the token where it ends, and its key/value head
export const unitCount: usize = details + 24;
export const chunkUnits: usize = details + 28;
export const shared: usize = details + 32; // query heads of a key/value head
export const headBytes: usize = details + 36;
export const pageTokens: usize = details + 40; // a power of two, as its logarithm
const blockOffset: usize = details + 44; // of this block's keys in a page
const tokenBytes: usize = details + 48; // the keys, or values, of a token in all groups
export const scale: usize = details + 52;
const window: usize = details + 56; // tokens that are seen, the token itself included
export const scoreBytes: usize = details + 60; // what the scores of a token take in scratch

@inline
export function firstTokenOf(unit: i32): i32 {
  return load<i32>(<usize>load<u32>(units) + <usize>unit * 12);
}

@inline
export function endTokenOf(unit: i32): i32 {
  return load<i32>(<usize>load<u32>(units) + <usize>unit * 12, 4);
}

@inline
export function groupOf(unit: i32): i32 {
  return load<i32>(<usize>load<u32>(units) + <usize>unit * 12, 8);
}

/** Where a token's attention ends. */
@inline
export function seenOf(token: i32): i32 {
  return load<i32>(<usize>load<u32>(tokens) + (<usize>token << 3));
}

/** And where it begins. */
@inline
export function firstOf(token: i32): i32 {
  return max(0, seenOf(token) - load<i32>(window));
}

/** A page of a token's row. */
@inline
export function pageOf(token: i32, page: i32): usize {
  const table = <usize>load<u32>(<usize>load<u32>(tokens) + (<usize>token << 3), 4);
  return <usize>load<u32>(table + (<usize>page << 2));
}

/** The keys of a group in a page, one after the other; the next group's follow. */
@inline
export function keysIn(page: usize, group: i32): usize {
  return page + <usize>load<u32>(blockOffset) + <usize>group * (<usize>load<u32>(headBytes) << load<i32>(pageTokens));
}

/** Its values, which lie as keys do, behind all groups' keys. */
@inline
export function valuesIn(page: usize, group: i32): usize {
  return keysIn(page, group) + (<usize>load<u32>(tokenBytes) << load<i32>(pageTokens));
}
