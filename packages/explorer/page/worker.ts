/** The model's own thread. */
import "@amulet-ts/web/worker";
