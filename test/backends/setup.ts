/** A processor that plays a graphics card is a hundred times slower: there a property gets a time instead of a number. */
import fc from "fast-check";

const { AMULET_TEST_BACKEND: backend } = process.env;
if (backend === "webgpu") fc.configureGlobal({ interruptAfterTimeLimit: 10_000 });
