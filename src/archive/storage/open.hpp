// From what the configuration says to a Store.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {

/// What is needed to reach a store; secrets come from files or the environment.
struct StoreAddress {
  std::string where = {};     ///< absolute directory, or "s3://bucket/prefix"
  std::string endpoint = {};  ///< S3: "https://s3.example.org"; empty: Amazon's for the region
  std::string region = "us-east-1";
  std::string access_key = {};
  std::string secret_key = {};
  /// How the bucket is named to S3. Auto: in the host where the endpoint is Amazon's or already
  /// begins with the bucket ("https://bucket.s3.example.org"), else in the path.
  enum class Style { Auto, Path, VirtualHost } style = Style::Auto;

  [[nodiscard]] bool is_directory() const { return where.starts_with("/"); }
};

/// Opens it; a directory is made (0700) when its parent exists. ConfigBadValue, Permission,
/// ConnectionFailed (S3: the bucket is asked for), AuthFailed. `stop` ends what a store does over a
/// network.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(const StoreAddress& address,
                                                        std::stop_token stop = {});

}  // namespace pgkeel::archive
