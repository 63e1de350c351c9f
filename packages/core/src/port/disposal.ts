/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `Symbol.dispose` and `Symbol.asyncDispose` where a host has none yet, such as Node 20.3 and older browsers: what
 * TypeScript asks for where `using` is compiled. Imported for its effect, before any class that has such a method.
 */
for (const name of ["dispose", "asyncDispose"] as const) {
  if (!Symbol[name]) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
}

export {};
