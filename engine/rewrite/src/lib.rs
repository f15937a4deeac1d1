//! Capture rewriter.
