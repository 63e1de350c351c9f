#!/usr/bin/env bash
# The README's commands: on the embedded model, and on the model beside the clone where there is one.
set -eu
out=$(npm start --silent)
printf '%s\n' "$out"
[ "$(grep -c '^── amulet ' <<<"$out")" -eq 3 ]
[ "$(grep -c 'grammatical .* on topic ' <<<"$out")" -eq 15 ]
out=$(npm start --silent -- "How do I learn languages?" --preference "Your answer should be pleasant.")
printf '%s\n' "$out"
[ "$(grep -c 'pleasant [01]\.' <<<"$out")" -eq 5 ]
model=../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf
if [ -f "$model" ]; then
  out=$(npm start --silent -- --model "$model" "How do I make a cup of tea?" --preference "Your answer should be concise." --max-new-tokens 24)
  printf '%s\n' "$out"
  for name in base pref la amulet; do grep -q "^── $name " <<<"$out"; done
else
  echo 'Not run with a real model: there is none beside the clone (../shared).'
fi
status=0
npm start --silent -- "A question?" --preference " " || status=$?
[ "$status" -eq 2 ]
