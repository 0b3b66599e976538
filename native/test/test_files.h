// Files and pipes for tests, gone with their owner.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "check.h"
#include "unique_fd.h"

namespace ringpost {

class TestFolder {
 public:
  TestFolder() {
    std::error_code error;
    path_ = std::filesystem::temp_directory_path(error).string() + "/ringpost-XXXXXX";
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  [[nodiscard]] std::string File(const char* name) const { return path_ + "/" + name; }

  // Makes a file with this content.
  [[nodiscard]] std::string FileWith(const char* name, const std::string& content) const {
    const std::string path = File(name);
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK_EQ(::write(fd.get(), content.data(), content.size()), content.size());
    return path;
  }

 private:
  std::string path_;
};

inline std::string ContentOf(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content;
  char part[4096];
  for (ssize_t count = 0; (count = ::read(fd.get(), part, sizeof(part))) > 0;) {
    content.append(part, static_cast<size_t>(count));
  }
  return content;
}

// A read of its `out` blocks until somebody writes to its `in`.
struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    CHECK_EQ(::pipe2(ends, O_CLOEXEC), 0);
    out = UniqueFd(ends[0]);
    in = UniqueFd(ends[1]);
  }
  void Write(const char* text) const {
    CHECK_EQ(::write(in.get(), text, std::strlen(text)), std::strlen(text));
  }

  UniqueFd out;
  UniqueFd in;
};

}  // namespace ringpost
