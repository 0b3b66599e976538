{
  "targets": [
    {
      "target_name": "ringpost",
      "sources": [
        "<!@(node -p \"require('node:fs').readdirSync('src').filter(f=>f.endsWith('.cc')).sort().map(f=>'src/'+f).join(' ')\")"
      ],
      "include_dirs": ["src", "generated"],
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        # In a worker that is being terminated nothing can be thrown: connect() there must not abort the process.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags!": ["-Wno-unused-parameter"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++20",
        "-fno-exceptions",
        "-fno-rtti",
        "-fvisibility=hidden",
        "-Wall",
        "-Wextra",
        "-Wconversion",
        "-Werror",
        # As system headers, so that the warnings above concern our own sources only.
        "-isystem<(node_root_dir)/include/node",
        "-isystem<!(node -p \"require('node:path').dirname(require.resolve('node-addon-api/package.json'))\")"
      ]
    }
  ]
}
