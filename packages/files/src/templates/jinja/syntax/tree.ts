/** A template as a tree. */

export type Expression =
  | { readonly kind: "constant"; readonly value: null | boolean | string }
  | { readonly kind: "integer" | "float"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list" | "tuple" | "concat"; readonly items: readonly Expression[] }
  | { readonly kind: "dict"; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: "attribute"; readonly of: Expression; readonly name: string }
  | { readonly kind: "item"; readonly of: Expression; readonly key: Expression }
  | { readonly kind: "slice"; readonly bounds: readonly (Expression | undefined)[] }
  | {
      readonly kind: "call";
      readonly callee: Expression;
      readonly args: CallArguments;
      readonly line: number;
    }
  | ({ readonly kind: "filter"; readonly of: Expression } & Applied)
  | ({ readonly kind: "test"; readonly of: Expression } & Applied)
  | { readonly kind: "not" | "negative" | "positive"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "compare"; readonly first: Expression; readonly rest: readonly Comparison[] }
  | {
      readonly kind: "arithmetic";
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "choice";
      readonly condition: Expression;
      readonly then: Expression;
      readonly otherwise: Expression | undefined;
    };

/** A filter or a test by its name. */
export interface Applied {
  readonly name: string;
  readonly args: CallArguments;
  readonly line: number;
}

export interface Comparison {
  readonly operator: string;
  readonly operand: Expression;
}

export interface CallArguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  readonly spread: Expression | undefined;
  readonly spreadNamed: Expression | undefined;
}

export type Target =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "member"; readonly of: string; readonly name: string }
  | { readonly kind: "tuple"; readonly items: readonly Target[] };

export type Statement = { readonly line: number } & (
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly value: Expression }
  | { readonly kind: "if"; readonly branches: readonly Branch[]; readonly otherwise: Body }
  | ForStatement
  | { readonly kind: "set"; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: "setBlock";
      readonly target: Target;
      readonly filters: readonly Applied[];
      readonly body: Body;
    }
  | { readonly kind: "filterBlock"; readonly filters: readonly Applied[]; readonly body: Body }
  | {
      readonly kind: "with";
      readonly values: readonly (readonly [Target, Expression])[];
      readonly body: Body;
    }
  | ({ readonly kind: "macro"; readonly name: string } & Procedure)
  | ({ readonly kind: "callBlock"; readonly call: Expression } & Procedure)
  | { readonly kind: "generation"; readonly body: Body }
  | { readonly kind: "break" | "continue" }
);

export type Body = readonly Statement[];

export interface ForStatement {
  readonly kind: "for";
  readonly line: number;
  readonly target: Target;
  readonly iterable: Expression;
  readonly condition: Expression | undefined;
  readonly recursive: boolean;
  readonly body: Body;
  readonly otherwise: Body;
}

export interface Branch {
  readonly condition: Expression;
  readonly body: Body;
}

/** What can be called: the body of a macro, or of the block round which a macro is called. */
export interface Procedure {
  readonly parameters: readonly Parameter[];
  readonly body: Body;
  /** The names that its body reads; `varargs`, `kwargs` and `caller` are passed where they are among them. */
  readonly reads: ReadonlySet<string>;
}

export interface Parameter {
  readonly name: string;
  readonly fallback: Expression | undefined;
}
