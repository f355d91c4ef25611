{
  "targets": [
    {
      "target_name": "node-alsa",
      "sources": [
        "src/binding.c",
        "src/cards.c",
        "src/duplex-binding.c",
        "src/duplex.c",
        "src/loop.c",
        "src/mixer-binding.c",
        "src/negotiate.c",
        "src/realtime.c"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "libraries": ["-lasound"]
    }
  ]
}
