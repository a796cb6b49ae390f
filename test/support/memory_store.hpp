// A store in memory, for tests of what writes to and reads from stores. Objects may be looked at
// and damaged through `objects`; `fail_after` makes writing fail with DiskFull after so many bytes.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>

#include "archive/storage/store.hpp"

namespace pgkeel::test {

class MemoryStore final : public archive::Store {
 public:
  std::map<std::string, std::string> objects;
  std::uint64_t fail_after = UINT64_MAX;
  std::function<bool(const std::string&)> on_remove = {};  ///< false: the removal fails

  Result<std::unique_ptr<archive::ObjectWriter>> create(const std::string& key,
                                                        archive::Replace replace) override {
    return std::make_unique<Writer>(*this, key, replace);
  }
  Result<std::unique_ptr<archive::ObjectReader>> open(const std::string& key,
                                                      std::uint64_t offset) override {
    const std::lock_guard lock(mutex_);
    const auto found = objects.find(key);
    if (found == objects.end()) return fail(ErrorCode::NotFound, "no object " + key);
    return std::make_unique<Reader>(found->second.substr(offset));
  }
  Result<std::optional<archive::ObjectInfo>> stat(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    const auto found = objects.find(key);
    if (found == objects.end()) return std::nullopt;
    return archive::ObjectInfo{key, found->second.size(), {}};
  }
  Result<std::vector<archive::ObjectInfo>> list(const std::string& prefix) override {
    const std::lock_guard lock(mutex_);
    std::vector<archive::ObjectInfo> found;
    for (const auto& [key, content] : objects)
      if (key.starts_with(prefix)) found.push_back({key, content.size(), {}});
    return found;
  }
  Result<void> remove(const std::string& key) override {
    const std::lock_guard lock(mutex_);
    if (on_remove && !on_remove(key)) return fail(ErrorCode::Io, "told to fail");
    objects.erase(key);
    return {};
  }
  Result<std::vector<archive::ObjectInfo>> abandoned(Millis) override {
    return std::vector<archive::ObjectInfo>{};
  }
  Result<void> remove_abandoned(const archive::ObjectInfo&) override { return {}; }
  [[nodiscard]] std::string describe() const override { return "memory"; }

 private:
  class Writer final : public archive::ObjectWriter {
   public:
    Writer(MemoryStore& store, std::string key, archive::Replace replace)
        : store_(store), key_(std::move(key)), replace_(replace) {}
    Result<void> write(ByteSpan bytes) override {
      const std::lock_guard lock(store_.mutex_);
      if (bytes.size() > store_.fail_after) return fail(ErrorCode::DiskFull, "the store is full");
      store_.fail_after -= bytes.size();
      content_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return {};
    }
    Result<void> commit() override {
      const std::lock_guard lock(store_.mutex_);
      if (replace_ == archive::Replace::Never && store_.objects.contains(key_))
        return fail(ErrorCode::Refused, key_ + " exists");
      store_.objects[key_] = std::move(content_);
      return {};
    }

   private:
    MemoryStore& store_;
    std::string key_;
    archive::Replace replace_;
    std::string content_;
  };

  class Reader final : public archive::ObjectReader {
   public:
    explicit Reader(std::string content) : content_(std::move(content)) {}
    Result<std::size_t> read(std::span<std::byte> into) override {
      const auto count = std::min(into.size(), content_.size() - at_);
      std::memcpy(into.data(), content_.data() + at_, count);
      at_ += count;
      return count;
    }

   private:
    std::string content_;
    std::size_t at_ = 0;
  };

  std::mutex mutex_;
};

}  // namespace pgkeel::test
