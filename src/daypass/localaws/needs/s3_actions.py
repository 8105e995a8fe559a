"""Which action an operation of S3 needs, as data.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where the action is not called like the operation.
ACTIONS: Final[Mapping[str, str]] = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotification",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
CALLED_LIKE_THEIR_OPERATION: Final = frozenset(
    {
        *("CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "DeleteBucketWebsite", "DeleteObject"),
        *("DeleteObjectTagging", "GetBucketAcl", "GetBucketLocation", "GetBucketLogging"),
        *("GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketRequestPayment"),
        *("GetBucketTagging", "GetBucketVersioning", "GetBucketWebsite", "GetObject", "GetObjectAcl"),
        *("GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "PutBucketAcl"),
        *("PutBucketLogging", "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketRequestPayment"),
        *("PutBucketTagging", "PutBucketVersioning", "PutBucketWebsite", "PutObject", "PutObjectAcl"),
        *("PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject", "DeleteObjects"),
    }
)
# With a version these are actions of their own.
VERSIONED: Final = frozenset(
    {
        *("GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging", "DeleteObject"),
        *("DeleteObjectTagging", "PutObjectAcl", "PutObjectTagging"),
    }
)
COPIES: Final = frozenset({"CopyObject", "UploadPartCopy"})
# A header, as `name:value`, with which an upload does one thing more, and the action for that.
BESIDES: Final = (
    (re.compile(r"x-amz-(?:acl|grant-[a-z-]+):.*", re.S), "PutObjectAcl"),
    (re.compile("x-amz-tagging:.*", re.S), "PutObjectTagging"),
    (re.compile("x-amz-object-lock-(?:mode|retain-until-date):.*", re.S), "PutObjectRetention"),
    (re.compile("x-amz-object-lock-legal-hold:.*", re.S), "PutObjectLegalHold"),
    (re.compile("x-amz-bypass-governance-retention:.*", re.S), "BypassGovernanceRetention"),
)
# The same of a new bucket (S3 API Reference, CreateBucket, "Permissions").
BESIDES_BUCKET: Final = (
    (re.compile(r"x-amz-acl:(?!private\Z).*|x-amz-grant-[a-z-]+:.*", re.S), "PutBucketAcl"),
    (re.compile("x-amz-bucket-object-lock-enabled:(?i:true)"), "PutBucketObjectLockConfiguration"),
    (re.compile("x-amz-bucket-object-lock-enabled:(?i:true)"), "PutBucketVersioning"),
    (re.compile("x-amz-object-ownership:.*", re.S), "PutBucketOwnershipControls"),
)
WRITES: Final = frozenset(
    {"PutObject", "CopyObject", "CreateMultipartUpload", "DeleteObject", "DeleteObjects", "PutObjectRetention"}
)
