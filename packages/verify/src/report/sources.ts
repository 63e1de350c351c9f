/** Where each law comes from: what a reader may look up to see that it states what it should. */

const paper = "Zhang et al. 2025 (Amulet)";
const collapse = "docs/algorithm.md, “The collapse”";
const monotone = "docs/algorithm.md, “Strength is monotone”";
const invariance = "a property of the definition that needs no oracle";

/** By the laws' names. */
export const lawSources: Readonly<Record<string, string>> = {
  "scale-by-definition": collapse,
  "scale-as-published": "values of the authors' recursion in float64 (docs/algorithm.md)",
  "scale-homogeneous": "α, λ and 1/η enter the recursion of x in the same degree above and below the line",
  "scale-starts-at-one": "docs/algorithm.md, “The collapse”: x = 1 is the preference policy",
  "scale-rises": collapse,
  "scale-below-its-fixed-point": "docs/algorithm.md, “What T, α, λ and η do”",
  "scale-growth": "docs/algorithm.md, “What T, α, λ and η do”",
  "strength-names-agree":
    "Sanchez et al. 2023 (classifier-free guidance), Gao et al. 2024 (Linear Alignment), He et al. 2024 (Context Steering)",
  "strength-solved": collapse,
  "step-gap-identity": "docs/algorithm.md, “How one checks such a formula”",
  "step-stationary": "first-order condition of a maximum on the simplex",
  "step-normalised": "a policy is a distribution",
  "step-by-ascent": "Kivinen & Warmuth 1997 (exponentiated gradient)",
  "step-of-any-history": `${paper}, eq. 6 and 7`,
  "log-policy-by-definition": "the definition of log-softmax",
  "logits-shift": "softmax knows differences only",
  "loop-by-definition": `${paper}, eq. 7, applied T times`,
  "collapse-by-definition": collapse,
  "loop-equals-collapse": collapse,
  "loop-permutes": invariance,
  "loop-rests": `${paper}, eq. 6: nothing but the pull to π_1 is left`,
  "masked-tokens-drop-out": "KL(π ‖ π_1) is infinite where π_1 is 0",
  "rows-are-independent": invariance,
  "tilt-by-definition": "Gao et al. 2024 (Linear Alignment)",
  "tilt-turns-around": "π_γ lies on one line through log π_base and log π_pref",
  "amulet-is-a-tilt": collapse,
  "guidance-is-alignment":
    "Sanchez et al. 2023 (classifier-free guidance) and Gao et al. 2024 (Linear Alignment)",
  "drift-rises": monotone,
  "drift-slope": monotone,
  "budget-met": "docs/algorithm.md, “Bounded Amulet”",
  "budget-used-up": "docs/algorithm.md, “Bounded Amulet”",
  "budget-policy": "docs/algorithm.md, “Bounded Amulet”",
  "adacad-by-definition": "Wang et al. 2024 (AdaCAD); the divergence by Lin 1991",
  "adacad-symmetric": "Lin 1991: the Jensen–Shannon divergence is symmetric",
  "gate-takes-one-policy": "Tao & Agrawal 2026 (NWCAD), after descriptions of the paper",
  "mask-by-definition":
    "Gao et al. 2024 (nucleus of the preference policy), Nguyen et al. 2024 (min-p), Tang et al. 2024 (top-nσ)",
  "transfer-by-definition": "Liu et al. 2024 (proxy tuning), Lv et al. 2025 (CoSteer)",
  "transfer-from-itself": "docs/algorithm.md, “Δ from another model”",
  "costeer-collapses": "Lv et al. 2025 (CoSteer), its loop T times",
  "costeer-is-amulet": "docs/algorithm.md, “Δ from another model”",
  "regret-bounded": "follow the regularised leader (Shalev-Shwartz 2012, ch. 2), derived in laws/regret.ts",
  "regret-on-any-history":
    "follow the regularised leader (Shalev-Shwartz 2012, ch. 2), derived in laws/regret.ts",
  "sampling-frequencies": "exact tails of the binomial distribution, Bonferroni 1936",
  "sampling-truncations": "Fan et al. 2018 (top-k), Holtzman et al. 2020 (top-p), Nguyen et al. 2024 (min-p)",
  "no-tensor-left": "docs/architecture.md, “Tensor memory”",
  "forward-by-definition":
    "nested loops after Hugging Face's modules, held to its logits in test/transformer.test.ts",
  "forward-is-causal": invariance,
  "prefill-equals-steps": invariance,
  "rows-equal-single": invariance,
  "gradient-by-differences": "the definition of a derivative",
  "no-tensor-left-by-forward": "docs/architecture.md, “Tensor memory”",
  "optimiser-ends-at-the-closed-form": `${paper}, eq. 7`,
  "optimiser-never-falls": "docs/algorithm.md, “How one checks such a formula”",
  "optimiser-keeps-its-rate":
    "mirror ascent: Kivinen & Warmuth 1997; projected gradient: Nesterov 2004, theorem 2.2.8; Newton on the dual: optimisers/dual-newton.ts",
};
