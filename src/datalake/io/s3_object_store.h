#pragma once

#include <memory>
#include <string_view>

#include "datalake/io/object_store.h"

// Internal to io/.
namespace datalake::io {

/// A bucket by its REST API (PutObject, DeleteObject; docs.aws.amazon.com/AmazonS3/latest/API),
/// signed with AWS Signature Version 4 by libcurl. With an endpoint of one's own the bucket stands
/// in the path, else in the name of the host.
Result<std::unique_ptr<ObjectStore>> OpenS3ObjectStore(std::string_view url,
                                                       const S3Options& options);

}  // namespace datalake::io
