# amulet serve: docker run -p 8080:8080 -v "$PWD/models:/models:ro" amulet --model /models/model.gguf
FROM node:22-slim AS build
WORKDIR /amulet
COPY . .
RUN npm ci --no-fund --no-audit \
 && npx turbo run build --output-logs=errors-only \
 && npm prune --omit=dev --no-fund --no-audit \
 && rm -rf .turbo node_modules/.cache

FROM node:22-slim
WORKDIR /amulet
COPY --from=build /amulet/node_modules node_modules
COPY --from=build /amulet/packages packages
ENV NODE_ENV=production HF_HOME=/cache
RUN mkdir /cache && chown node:node /cache
USER node
VOLUME /cache
EXPOSE 8080
HEALTHCHECK --start-period=2m --interval=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Everybody whom the port is published to is answered unless AMULET_API_KEY is set.
ENTRYPOINT ["node", "packages/cli/bin/amulet.js", "serve", "--host", "0.0.0.0", "--port", "8080"]
