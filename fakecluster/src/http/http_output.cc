#include "http/http_output.h"

#include <algorithm>

#include <deimos/internal/assert.h>

namespace deimos::fake {
namespace {

/// A smaller text costs less to copy than to keep apart.
constexpr std::size_t shared_bytes = std::size_t{4} << 10;
/// Of its buffers, by a connection that is idle.
constexpr std::size_t kept_bytes = std::size_t{16} << 10;

}  // namespace

std::string& HttpOutput::text() {
  if (empty()) {
    pieces_.resize(1);  // The buffer that was kept, if there is one.
    first_ = 0;
  } else if (pieces_.back().shared) {
    pieces_.emplace_back();
  }
  return pieces_.back().own;
}

void HttpOutput::share(const Shared& text) {
  if (text->size() < shared_bytes) {
    this->text().append(*text);
  } else {
    pieces_.push_back({{}, text});
  }
}

HttpOutput::Buffers HttpOutput::buffers() const {
  Buffers buffers;
  const std::size_t count = std::min(buffers.size(), pieces_.size() - first_);
  for (std::size_t i = 0; i < count; ++i) buffers[i] = boost::asio::buffer(pieces_[first_ + i].text());
  if (count > 0) buffers[0] += written_;
  return buffers;
}

void HttpOutput::written(std::size_t count) {
  written_ += count;
  while (!empty() && written_ >= pieces_[first_].text().size()) {
    written_ -= pieces_[first_].text().size();
    if (pieces_[first_].shared || pieces_[first_].own.capacity() > kept_bytes) pieces_[first_] = {};
    ++first_;
  }
  if (!empty()) return;
  DEIMOS_ASSERT(written_ == 0, "no more is written than there was");
  clear();
}

void HttpOutput::clear() noexcept {
  // One buffer is used again for the next answer.
  const bool is_kept = !pieces_.empty() && pieces_.front().own.capacity() <= kept_bytes;
  pieces_.resize(is_kept ? 1 : 0);
  if (is_kept) {
    pieces_.front().own.clear();
    pieces_.front().shared = nullptr;
  }
  first_ = pieces_.size();
  written_ = 0;
}

}  // namespace deimos::fake
