"""What a file wants of AWS, written as the files of other tools. Pure: values in, the text of files out."""
