/** Two sequences in a context of their own, by llama.cpp's functions alone and on this thread; nobody reads logits. */
import { TokenBatch } from "../../packages/engines/dist/llama-cpp/native/token-batch.js";

export class OwnPair {
  constructor({ llama, address, threads }, contextTokens = 1024) {
    this.native = llama.native;
    this.threads = threads;
    this.context = this.native.llama_init_from_model(address, {
      ...this.native.llama_context_default_params(),
      n_ctx: contextTokens,
      n_seq_max: 2,
      n_threads: threads.most,
      n_threads_batch: threads.most,
      kv_unified: true,
    });
    this.batch = new TokenBatch(llama.koffi, 512);
    this.lengths = [0, 0];
  }

  step() {
    this.decode([[7], [7]]);
  }

  /** New tokens of both rows, at most 512 in all; a row may get none. */
  decode(rows) {
    const tokens = rows.flatMap((row, sequence) =>
      row.map((id, t) => ({
        id,
        sequence,
        position: this.lengths[sequence] + t,
        isRead: t === row.length - 1,
      })),
    );
    const { current } = this.threads;
    this.native.llama_set_n_threads(this.context, current, current);
    const status = this.native.llama_decode(this.context, this.batch.fill(tokens));
    if (status !== 0) throw new Error(`llama.cpp's own pair ended with status ${status}`);
    this.lengths = this.lengths.map((length, r) => length + rows[r].length);
  }

  free() {
    this.native.llama_free(this.context);
    this.batch.free();
  }
}
