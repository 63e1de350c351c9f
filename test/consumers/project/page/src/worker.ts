import "@amulet-ts/web/worker";
