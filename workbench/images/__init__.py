"""Images in prompts: files read and checked before a plan, and put into bodies when these are sent.

    {% image photo %}  ->  Image("photos/a.png")  --read-->  Image("sha256:1a2b…", …)

image_file.py     a file's bytes, and the format that they have
image_reader.py   paths and addresses of a dataset's rows as images with digests
request_images.py images in the body of a request: counted, shown, put in when it is sent
"""

from workbench.images.image_reader import ImageFiles, ImageReader, ImageSources, refuse_images

__all__ = ["ImageFiles", "ImageReader", "ImageSources", "refuse_images"]
