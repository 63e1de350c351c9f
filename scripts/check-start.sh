#!/usr/bin/env bash
# The README's first command, on the model beside the clone where there is one, and without a model.
set -eu
model=../shared/models/SmolLM2-135M-Instruct.Q4_1.gguf
if [ -f "$model" ]; then
  out=$(npm start --silent -- --model "$model" "How do I make a cup of tea?" --preference "Your answer should be concise." --max-new-tokens 24)
  printf '%s\n' "$out"
  for name in base pref la amulet; do grep -q "^── $name " <<<"$out"; done
else
  echo 'Not run with a model: there is none beside the clone (../shared).'
fi
status=0
npm start --silent -- "A question?" --preference "Be brief." || status=$?
[ "$status" -eq 2 ]
