// An S3 server of its own for a test: a node process with s3rver (tools/s3-server) and what
// s3_server.js adds, one bucket in a temporary directory, on a free port of 127.0.0.1. Gone with
// the object.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temp_dir.hpp"

namespace pgkeel::test {

class S3Server {
 public:
  static constexpr const char* kBucket = "pgkeel-test";
  static constexpr const char* kKey = "S3RVER";  ///< access key and secret key

  /// False when node or s3rver is not installed; tests then say that they skip.
  [[nodiscard]] static bool is_available();

  /// Ready when it returns. Throws std::runtime_error.
  S3Server();
  ~S3Server();
  S3Server(const S3Server&) = delete;
  S3Server& operator=(const S3Server&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Where it keeps the bucket's objects: KEY._S3rver_object.
  [[nodiscard]] std::filesystem::path bucket_path() const;

 private:
  TempDir dir_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

}  // namespace pgkeel::test
